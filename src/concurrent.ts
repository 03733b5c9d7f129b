/**
 * Does `work` for every item, for at most `limit` of them at once, and returns the results in the items' order. After a
 * failure nothing new is started; what is under way is waited for, then the first failure is thrown.
 */
export const mapConcurrently = async <T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = new Array(items.length)
  const pending = items.entries()
  let failed = false
  const worker = async (): Promise<void> => {
    for (const [index, item] of pending) {
      if (failed) return
      try {
        results[index] = await work(item, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const settled = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker))
  const failure = settled.find((outcome) => outcome.status === 'rejected')
  if (failure) throw failure.reason
  return results
}
