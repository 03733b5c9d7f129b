/** What the Actions cache may cost a run, and what an entry may be. `docs/cache.md` says so to users. */
export const cacheLimits = {
  /** In milliseconds, for all that a run does with the cache. */
  run: 30_000,
  /** In milliseconds, for each answer about records, which are small. */
  records: 10_000,
  /** More than an image's store paths are, with a narinfo and a NAR each. */
  files: 50_000,
  /** Of all files of an entry; more than the store cache saves. */
  bytes: 2_000_000_000,
  /**
   * Of the NARs that an entry is made of, unpacked; compressed it is about a third. A repository's caches may be 10 GB
   * in all.
   */
  storePathBytes: 1_500_000_000,
  /** Many more than an image has. */
  narinfoFiles: 20_000,
  narinfoBytes: 64_000_000,
} as const
