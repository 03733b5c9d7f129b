/** Something to measure; `prepare` is not part of the time. `size` is asked once at the end: bytes of what was made. */
export type Contender = {
  readonly name: string
  readonly prepare?: () => Promise<void>
  readonly work: () => Promise<void>
  readonly size?: () => Promise<number>
}

/**
 * Runs the contenders in turn, as often as `rounds` says, and prints for each the median in seconds, its ratio to the
 * first one, and the size in MB, so that what else the machine does is the same for all.
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
  const medians = contenders.map((contender) => ({ ...contender, median: median(times.get(contender.name) ?? []) }))
  const base = medians[0]?.median ?? 1
  console.log(`\n${title}, median of ${rounds}`)
  for (const { name, median, size } of medians) {
    const megabytes = size ? `${((await size()) / 1e6).toFixed(1).padStart(8)} MB` : ''
    console.log(`${median.toFixed(3).padStart(9)} s ${(median / base).toFixed(2).padStart(6)} ×${megabytes}  ${name}`)
  }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
