/** Returns an input by its name in `action.yml`, without white space around it; empty where it is not given. */
export type GetInput = (name: string) => string

/** Notes a problem: one sentence with the input, the value and what to write instead. */
export type Problem = (sentence: string) => void
