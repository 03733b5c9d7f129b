/** Something to measure; `prepare` is not part of the time. */
export type Contender = {
  readonly name: string
  readonly prepare?: () => Promise<void>
  readonly work: () => Promise<void>
}

/**
 * Runs the contenders in turn, as often as `rounds` says, and prints for each the median in seconds and its ratio to the
 * first one, so that what else the machine does is the same for all.
 */
export const compare = async (title: string, contenders: readonly Contender[], rounds = 5): Promise<void> => {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const { name, prepare, work } of contenders) {
      await prepare?.()
      const start = performance.now()
      await work()
      times.get(name)?.push((performance.now() - start) / 1000)
    }
  const medians = contenders.map(({ name }) => ({ name, median: median(times.get(name) ?? []) }))
  const base = medians[0]?.median ?? 1
  console.log(`\n${title}, median of ${rounds}`)
  for (const { name, median } of medians)
    console.log(`${median.toFixed(3).padStart(9)} s ${(median / base).toFixed(2).padStart(6)} × ${name}`)
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
