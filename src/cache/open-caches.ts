import type { Job } from '../lib/job.ts'
import { type ActionsCache, openActionsCache } from './actions-cache.ts'
import type { CacheService } from './cache-service.ts'
import { cacheTime } from './cache-time.ts'
import type { CacheUse } from './cache-use.ts'
import { openStoreCache, type StoreCache, type StoreCacheOptions } from './store-cache.ts'

/** What a run keeps in the Actions cache, and where that is. */
export type CachePlan = {
  /** `undefined` outside the runner. */
  readonly service: CacheService | undefined
  readonly records: CacheUse
  readonly storePaths: StoreCacheOptions
}

/** Both are in the same Actions cache, and share its time. */
export type Caches = {
  readonly records: { readonly cache: ActionsCache; readonly use: CacheUse }
  readonly storePaths: StoreCache
}

export const openCaches = ({ service, records, storePaths }: CachePlan, job: Job): Caches => {
  const time = cacheTime(job)
  const cache = openActionsCache(service, time, job)
  return { records: { cache, use: records }, storePaths: openStoreCache(storePaths, cache, time, job) }
}
