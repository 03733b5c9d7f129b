/** Returns an input by its name in `action.yml`, without white space around it; empty where it is not given. */
export type GetInput = (name: string) => string

/** Notes a problem: one sentence with the input, the value and what to write instead. */
export type Problem = (sentence: string) => void

/** A value in a problem. Whoever writes a password into a URL shall not find it in the log. */
export const quoted = (value: string): string => JSON.stringify(value.replace(/\/\/[^/]*@/, '//***@'))
