/** Returns an input by its name in `action.yml`, without white space around it; empty if it is not given. */
export type GetInput = (name: string) => string

/** Records a problem: one sentence with the input, the value and what to write instead. */
export type Problem = (sentence: string) => void

/** Query parameters of git's URLs that are not secret. */
const gitQuery = /^[?&](ref|rev)=[\w./-]*$/

/** A value as a problem quotes it. A URL may have a password or a token in it, which must not be in the log. */
export const quoted = (value: string): string =>
  JSON.stringify(
    value
      .replace(/\/\/[^?]*@/s, '//***@')
      .replace(/\?[^#]*/s, (query) =>
        query.replaceAll(/[?&][^?&]*/gs, (part) => (gitQuery.test(part) ? part : `${part.charAt(0)}***`)),
      ),
  )
