/** Returns an input by its name in `action.yml`, without white space around it; empty where it is not given. */
export type GetInput = (name: string) => string

/** Notes a problem: one sentence with the input, the value and what to write instead. */
export type Problem = (sentence: string) => void

/** What git's URLs have behind the question mark, which is no secret. */
const gitQuery = /^[?&](ref|rev)=[\w./-]*$/

/** A value in a problem. Whoever writes a password or a token into a URL shall not find it in the log. */
export const quoted = (value: string): string =>
  JSON.stringify(
    value
      .replace(/\/\/[^?]*@/s, '//***@')
      .replace(/\?[^#]*/s, (query) =>
        query.replaceAll(/[?&][^?&]*/gs, (part) => (gitQuery.test(part) ? part : `${part.charAt(0)}***`)),
      ),
  )
