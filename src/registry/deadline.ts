/**
 * What is left of the time for one piece of work, which may be several exchanges; in milliseconds, and never above
 * `most`.
 */
export type Allowance = { readonly most: number; left: number }

export const allowance = (most: number): Allowance => ({ most, left: most })

export type Deadline = Disposable & {
  /** Gives time back, for something that has moved; above `most` only if it says so. */
  readonly earn: (time: number, most?: number) => void
}

/**
 * Uses up an allowance until it is disposed of, and calls `end`, once, when nothing is left. So whoever moves little by
 * little cannot go on for longer than `most` and what it has earned.
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
