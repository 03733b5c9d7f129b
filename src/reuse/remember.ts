import type { RecordStore } from '../cache/open-caches.ts'
import type { MadeLayer, PlatformImage } from '../image/platform-image.ts'
import { messages } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import type { Plan } from '../plan.ts'
import type { Target } from '../publish/target.ts'
import type { Known } from './known.ts'
import { saveRecords } from './record-cache.ts'
import { addImage, addLayers, hasImage, hasRecords, mergeRecords, noRecords, type Records } from './records.ts'
import { pushRecord } from './registry-records.ts'

/** Saves for later runs what this run fetched, built and pushed. `milliseconds` is how long that took. */
export const remember = async (
  { reuse }: Pick<Plan, 'reuse'>,
  known: Known,
  images: readonly PlatformImage[],
  milliseconds: number,
  store: RecordStore,
  target: Target,
  job: Pick<Job, 'log' | 'signal' | 'temporary'>,
): Promise<void> => {
  const [name] = known.names
  if (!target.pushes || name === undefined) return
  let facts: Records<'cache'> = { ...noRecords('cache'), sources: known.fetched }
  let claims = noRecords('registry')
  for (const { platform, contents, reused, isPartial } of images) {
    const key = known.keys.get(platform)
    if (reused || key === undefined) continue
    const image = { key, milliseconds, contents }
    const isFact = ({ isClaim }: MadeLayer): boolean => !isClaim
    // What cannot be evaluated now may be next time, and then the same request gives another image.
    if (isPartial) {
      facts = addLayers(facts, contents.layers.filter(isFact))
      continue
    }
    // An image with a claimed layer is a claim itself.
    if (contents.layers.every(isFact)) facts = addImage(facts, { level: 'cache', ...image })
    else {
      claims = addImage(claims, { level: 'registry', ...image })
      facts = addLayers(facts, contents.layers.filter(isFact))
    }
  }
  if (!hasRecords(known.cached, facts)) await saveRecords(mergeRecords(known.cached, facts), name, store, job)
  if (reuse !== 'registry') return
  for (const image of [...facts.images, ...claims.images])
    if (!known.searched.some((records) => hasImage(records, image)))
      await pushRecord(target, image).catch((error) => {
        job.signal.throwIfAborted()
        job.log.notice(`The registry does not keep the record of this image: ${messages(error).join(': ')}`)
      })
}
