/** Keeps the first and the last lines of many. */
export type EndsOfLines = {
  readonly push: (line: string) => void
  /** The lines that were kept. One line in the middle gives the number of those that are left out. */
  readonly text: () => string
}

/** Keeps up to `limit` characters of the start, and up to twice as many of the end. */
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
      // This copies the remaining lines, so it is not done for each line.
      if (tailSize < 2 * limit) return
      let start = 0
      while (tailSize > limit && start < tail.length - 1) tailSize -= (tail[start++]?.length ?? 0) + 1
      leftOut += start
      tail = tail.slice(start)
    },
    text: () => [...head, ...(leftOut > 0 ? [`… ${leftOut} lines are left out …`] : []), ...tail].join('\n'),
  }
}
