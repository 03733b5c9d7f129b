import type { RecordStore } from '../cache/open-caches.ts'
import type { Job } from '../lib/job.ts'
import { hashNar } from '../nix/nar.ts'
import type { NarHash } from '../nix/nar-hash.ts'
import type { SourceIdentity } from '../nix/source.ts'
import type { Plan } from '../plan.ts'
import type { Target } from '../publish/target.ts'
import type { Known } from './known.ts'
import { restoreRecords } from './record-cache.ts'
import { findSource, type Records } from './records.ts'
import { pullRecords } from './registry-records.ts'
import { requestKey, requestParts } from './request-key.ts'
import { sourceAsWritten, sourceKey } from './source-key.ts'

/**
 * Finds out what earlier runs made for the request of this plan. It is called again after the source was fetched, with
 * its first result as `before`: the source may hold something else than the records say, or its hash is known only
 * then.
 */
export const recall = async (
  plan: Pick<Plan, 'platforms' | 'image' | 'nix' | 'reuse'>,
  source: SourceIdentity,
  store: RecordStore,
  target: Target,
  job: Pick<Job, 'log' | 'signal' | 'temporary'>,
  before?: Known,
): Promise<Known> => {
  const ownNix = hashNar(plan.image.evaluation.nixDirectory)
  const parts = (content: string) =>
    plan.platforms.map((platform) => ({ platform, parts: requestParts(plan, platform, content, ownNix) }))
  const names = before?.names ?? parts(sourceAsWritten(source)).map(({ parts }) => requestKey(parts))
  const cached = before?.cached ?? (await restoreRecords(names, store, job))
  const narHash = knownHash(source, cached, plan)
  const known: Known = {
    ...{ names, cached, keys: new Map(), searched: [], lost: [], isForgotten: plan.reuse === 'none' },
    ...before,
    fetched: fetchedRecords(source) ?? before?.fetched ?? [],
    source: { ...source, narHash },
  }
  if (narHash === undefined || narHash === before?.source.narHash) return known

  const requests = parts(narHash).map((request) => ({ ...request, key: requestKey(request.parts) }))
  for (const { platform, parts, key } of requests)
    await job.log.group(`The request key for ${platform} is ${key}`, async () => {
      for (const [name, value] of Object.entries(parts)) job.log.info(`${name}: ${value}`)
    })
  const keys = new Map(requests.map(({ platform, key }) => [platform, key]))
  if (known.isForgotten) return { ...known, keys }
  // Only a run that pushes can use layers that are in the registry.
  const isAsked = plan.reuse === 'registry' && target.pushes
  const searched = isAsked ? [cached, await pullRecords(target, [...keys.values()], job)] : [cached]
  return { ...known, keys, searched }
}

const fetchedRecords = (source: SourceIdentity): Known['fetched'] | undefined => {
  const key = sourceKey(source)
  const { narHash } = source
  return narHash === undefined || key === undefined ? undefined : [{ level: 'cache', key, narHash }]
}

/**
 * The hash of what the source holds, if it is known. A claimed hash counts only if an earlier run found the same hash.
 */
const knownHash = (
  source: SourceIdentity,
  records: Records<'cache'>,
  { reuse }: Pick<Plan, 'reuse'>,
): NarHash | undefined => {
  const key = sourceKey(source)
  if (source.narHash !== undefined || key === undefined || reuse === 'none') return source.narHash
  const found = findSource(records, key)
  if (source.claimed !== undefined) return found.find((narHash) => narHash === source.claimed)
  return source.revision === undefined ? undefined : found[0]
}
