/**
 * Something to measure; the time of `prepare` does not count. `size` is called once at the end and returns the bytes of
 * the result.
 */
export type Contender = {
  readonly name: string
  readonly prepare?: () => Promise<void>
  readonly work: () => Promise<void>
  readonly size?: () => Promise<number>
}

/**
 * Runs the contenders in turn, `rounds` times each, so that other work of the machine affects all of them. Prints for
 * each the median in seconds, its ratio to the first contender, and the size in MB.
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
