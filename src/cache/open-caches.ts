import type { Job } from '../lib/job.ts'
import { type ActionsCache, openActionsCache } from './actions-cache.ts'
import { cacheBudget } from './cache-budget.ts'
import type { CacheService } from './cache-service.ts'
import type { CacheUse } from './cache-use.ts'
import { openStoreCache, type StoreCache, type StoreCacheOptions } from './store-cache.ts'

/** The kinds of entries that a run keeps in the Actions cache, and the service to use. */
export type CachePlan = {
  /** `undefined` outside the runner. */
  readonly service: CacheService | undefined
  readonly records: CacheUse
  readonly storePaths: StoreCacheOptions
}

/** The cache that has the records of earlier runs, and what this run may do with it. */
export type RecordStore = { readonly cache: ActionsCache; readonly use: CacheUse }

/** Both use the same Actions cache and share its time budget. */
export type Caches = {
  readonly records: RecordStore
  readonly storePaths: StoreCache
}

export const openCaches = ({ service, records, storePaths }: CachePlan, job: Job): Caches => {
  const budget = cacheBudget(job)
  const cache = openActionsCache(service, budget, job)
  return { records: { cache, use: records }, storePaths: openStoreCache(storePaths, cache, budget, job) }
}
