/**
 * `left` is the time left for one piece of work, which may be several exchanges. `most` is its usual upper bound. Both
 * are in milliseconds.
 */
export type Allowance = { readonly most: number; left: number }

export const allowance = (most: number): Allowance => ({ most, left: most })

export type Deadline = Disposable & {
  /** Gives time back after progress. `left` then stays at or below `most`, by default that of the allowance. */
  readonly earn: (time: number, most?: number) => void
}

/**
 * Uses up an allowance until it is disposed of, and calls `end` once when nothing is left. So a server that moves a few
 * bytes at a time cannot take longer than `most` and the time that was earned.
 */
export const startDeadline = (allowance: Allowance, end: () => void): Deadline => {
  let last = performance.now()
  const settle = (): void => {
    const now = performance.now()
    allowance.left -= now - last
    last = now
  }
  const check = (): void => {
    settle()
    if (allowance.left > 0) timer = setTimeout(check, allowance.left)
    else end()
  }
  let timer = setTimeout(check, allowance.left)
  return {
    earn: (time, most = allowance.most) => {
      settle()
      allowance.left = Math.min(most, allowance.left + time)
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      settle()
    },
  }
}
