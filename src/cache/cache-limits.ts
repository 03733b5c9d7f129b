/** Limits on what the Actions cache may cost a run, and on an entry. `docs/cache.md` documents them for users. */
export const cacheLimits = {
  /** In milliseconds, for all cache work of a run. */
  run: 30_000,
  /** In milliseconds, for each answer about records, which are small. */
  records: 10_000,
  /** More than the store paths of an image need, with a narinfo and a NAR for each. */
  files: 50_000,
  /** Total size of an entry's files. More than the store cache saves. */
  bytes: 2_000_000_000,
  /**
   * Total size of an entry's NARs, unpacked; compressed, they take about a third. GitHub allows 10 GB of caches in a
   * repository.
   */
  storePathBytes: 1_500_000_000,
  /** Many more than an image has. */
  narinfoFiles: 20_000,
  narinfoBytes: 64_000_000,
} as const
