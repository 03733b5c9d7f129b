/** Keeps the first and the last lines of many. */
export type EndsOfLines = {
  readonly push: (line: string) => void
  /** The lines, with one in the place of those that are left out. */
  readonly text: () => string
}

/** Of the start, up to `limit` characters are kept, and of the end up to twice as many. */
export const endsOfLines = (limit = 200_000): EndsOfLines => {
  const head: string[] = []
  let tail: string[] = []
  let headSize = 0
  let tailSize = 0
  let leftOut = 0
  return {
    push: (line) => {
      if (leftOut === 0 && tail.length === 0 && headSize + line.length < limit) {
        head.push(line)
        headSize += line.length + 1
        return
      }
      tail.push(line)
      tailSize += line.length + 1
      // Not for each line, since the others move up.
      if (tailSize < 2 * limit) return
      let start = 0
      while (tailSize > limit && start < tail.length - 1) tailSize -= (tail[start++]?.length ?? 0) + 1
      leftOut += start
      tail = tail.slice(start)
    },
    text: () => [...head, ...(leftOut > 0 ? [`… ${leftOut} lines are left out …`] : []), ...tail].join('\n'),
  }
}
