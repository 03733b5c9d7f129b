import { assemble } from '../image/assemble.ts'
import type { Layer } from '../image/contents.ts'
import { mapConcurrently } from '../lib/concurrent.ts'
import { messages, UserError } from '../lib/error.ts'
import { hashNar } from '../nix/nar.ts'
import type { NarHash } from '../nix/nar-hash.ts'
import { type PinnedSource, pinned, type SourceIdentity } from '../nix/source.ts'
import type { KeyedLayer } from '../oci/layer-annotations.ts'
import type { Platform } from '../oci/platform.ts'
import { formatRepository } from '../oci/reference.ts'
import type { Plan } from '../plan.ts'
import { isRefusal, PassingError } from '../registry/error.ts'
import { hasLayer, pushImage } from '../registry/push.ts'
import type { RepositoryClient } from '../registry/repository.ts'
import type { PlatformImage, PushableImage } from '../report/outcome.ts'
import { type RecordTools, restoreRecords, saveRecords } from './record-cache.ts'
import {
  addImage,
  addLayers,
  findImage,
  findLayer,
  findSource,
  hasImage,
  hasRecords,
  type ImageRecord,
  type Level,
  mergeRecords,
  noRecords,
  type Records,
  type SourceRecord,
} from './records.ts'
import { pullRecords, pushRecord } from './registry-records.ts'
import { requestKey, requestParts } from './request-key.ts'
import { sourceAsWritten, sourceKey } from './source-key.ts'

/** What earlier runs made, as far as it is of use to this one. */
export type EarlierRuns = {
  /**
   * Finds out what is known of the plan's requests, and returns the source with the hash of its content where that is
   * known: computed from files, fetched by this run, or fetched and hashed by an earlier one. Once more, after it was
   * fetched.
   */
  readonly recall: (source: SourceIdentity) => Promise<SourceIdentity>
  /**
   * The image of a platform out of layers that an earlier run made. Where this run pushes, it is pushed. `undefined`
   * where none is known, or the registry has lost a layer of it.
   */
  readonly image: (platform: Platform) => Promise<PushableImage | undefined>
  /** The source of the images that were used. */
  readonly source: () => PinnedSource
  /** How long earlier runs took for the images that were used. */
  readonly milliseconds: () => number
  /** Has all that comes made anew. */
  readonly forget: () => void
  /** A layer with this key that the registry has. */
  readonly layer: (key: string) => Promise<KeyedLayer | undefined>
  /** Tells later runs what this one fetched, built and pushed. */
  readonly remember: (images: readonly PlatformImage[], milliseconds: number) => Promise<void>
}

/** There is nothing to make the layer of. */
class LostLayerError extends UserError {}

/**
 * Whether a push failed in a way that it may since it is of layers that this run has not seen. Registries have many
 * words for a blob that is not there.
 */
export const isLost = (error: unknown): boolean => error instanceof LostLayerError || isRefusal(error)

/** How many layers are asked for at once. */
const askedAtOnce = 6

export const earlierRuns = (
  plan: Plan,
  tags: readonly string[],
  client: RepositoryClient,
  tools: RecordTools & { readonly signal: AbortSignal },
): EarlierRuns => {
  const { log } = tools
  const ownNix = hashNar(plan.evaluation.nixDirectory)
  const keys = new Map<Platform, string>()
  /** Of layers that this run took on the registry's word. */
  const claimed = new Set<string>()
  const lost = new Set<ImageRecord<Level>>()
  let source: SourceIdentity | undefined
  let names: readonly string[] = []
  let isForgotten = plan.reuse === 'none'
  let used: ImageRecord<Level>[] = []
  let restored: Records<'cache'> | undefined
  let fetched: SourceRecord<'cache'>[] = []
  /** Those of the cache first. */
  let usable: readonly Records<Level>[] = []

  const keysFor = (narHash: string): string[] =>
    plan.platforms.map((platform) => requestKey(requestParts(plan, platform, narHash, ownNix)))

  /** What the source holds; where somebody says what it does, a run must have found just that. */
  const knownHash = (source: SourceIdentity, records: Records<'cache'>): NarHash | undefined => {
    const key = sourceKey(source)
    if (source.narHash !== undefined || key === undefined || plan.reuse === 'none') return source.narHash
    const found = findSource(records, key)
    if (source.claimed !== undefined) return found.find((narHash) => narHash === source.claimed)
    return source.revision === undefined ? undefined : found[0]
  }

  const tellKeys = async (narHash: NarHash): Promise<void> => {
    for (const platform of plan.platforms) {
      const parts = requestParts(plan, platform, narHash, ownNix)
      keys.set(platform, requestKey(parts))
      await log.group(`The request key for ${platform} is ${keys.get(platform)}`, async () => {
        for (const [name, value] of Object.entries(parts)) log.info(`${name}: ${value}`)
      })
    }
  }

  /** Does what asks the registry; nothing where it says that it has not what a record claims of it. */
  const unlessLost = async <T>(level: Level, ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask()
    } catch (error) {
      // What is wrong with a claim is not the fault of what it is about.
      const isFalse = level === 'registry' && error instanceof UserError && !(error instanceof PassingError)
      tools.signal.throwIfAborted()
      if (!isLost(error) && !isFalse) throw error
      return undefined
    }
  }

  const complain = (digest: string): never => {
    throw new LostLayerError(
      `${formatRepository(client.repository)} has lost ${digest}, which an earlier run pushed; run the job again.`,
    )
  }

  return {
    recall: async (identity) => {
      const before = source?.narHash
      const key = sourceKey(identity)
      if (restored === undefined) {
        names = keysFor(sourceAsWritten(identity))
        restored = await restoreRecords(names, tools)
      }
      if (identity.narHash !== undefined && key !== undefined)
        fetched = [{ level: 'cache', key, narHash: identity.narHash }]
      const narHash = knownHash(identity, restored)
      source = { ...identity, narHash }
      if (narHash === undefined || narHash === before) return source
      await tellKeys(narHash)
      if (isForgotten) return source
      // What is not pushed has no use for layers that are in the registry.
      const isAsked = plan.reuse === 'registry' && plan.push
      usable = isAsked ? [restored, await pullRecords(client, [...keys.values()], tags, tools)] : [restored]
      return source
    },

    image: async (platform) => {
      const key = keys.get(platform) ?? ''
      for (const records of usable) {
        const record = findImage(records, key)
        if (!record || lost.has(record)) continue
        const { contents, level } = record
        const image = assemble(contents, plan.configuration, platform)
        const push = () => pushImage(client, image, async ({ digest }) => complain(digest))
        // A registry may take a manifest of blobs that it does not have.
        const pushed = await unlessLost(level, async () => {
          if (!plan.push) return true
          const layers = new Map(contents.layers.map(({ descriptor }) => [descriptor.digest, descriptor]))
          await mapConcurrently([...layers.values()], askedAtOnce, async (layer) => {
            if (!(await hasLayer(client, layer))) complain(layer.digest)
          })
          await push()
          return true
        })
        if (pushed) {
          log.info(`The image for ${platform} is made of what an earlier run built; nothing is evaluated.`)
          used = [...used, record]
          return { platform, built: false, contents, image, origins: contents.layers.map(() => 'reused'), push }
        }
        lost.add(record)
        log.info(`An earlier run made the image for ${platform}, but the registry does not have all of it any more.`)
      }
      return undefined
    },

    source: () => {
      if (!source) throw new Error('The source is asked for before it was looked for')
      return pinned(source)
    },

    forget: () => {
      isForgotten = true
      usable = []
      used = []
      claimed.clear()
    },

    milliseconds: () => used.reduce((total, { milliseconds }) => total + milliseconds, 0),

    layer: async (key) => {
      if (!plan.push) return undefined
      for (const records of usable) {
        const layer = findLayer(records, key)
        if (!layer || !(await unlessLost(layer.level, () => hasLayer(client, layer.descriptor)))) continue
        const { level, ...found } = layer
        if (level === 'registry') claimed.add(key)
        return found
      }
      return undefined
    },

    remember: async (images, milliseconds) => {
      const [name] = names
      if (!plan.push || name === undefined || restored === undefined) return
      const isClaim = ({ key }: Layer): boolean => claimed.has(key)
      let facts: Records<'cache'> = { ...noRecords('cache'), sources: fetched }
      let claims = noRecords('registry')
      for (const { platform, contents, built } of images) {
        const key = keys.get(platform)
        if (!built || key === undefined) continue
        const image = { key, milliseconds, contents }
        // A layer that is a claim makes its image one.
        if (contents.layers.some(isClaim)) {
          claims = addImage(claims, { level: 'registry', ...image })
          facts = addLayers(
            facts,
            contents.layers.filter((layer) => !isClaim(layer)),
          )
        } else facts = addImage(facts, { level: 'cache', ...image })
      }
      if (!hasRecords(restored, facts)) await saveRecords(mergeRecords(restored, facts), name, tools)
      if (plan.reuse !== 'registry') return
      for (const image of [...facts.images, ...claims.images])
        if (!usable.some((records) => hasImage(records, image)))
          await pushRecord(client, image).catch((error) => {
            tools.signal.throwIfAborted()
            log.notice(`The registry does not keep the record of this image: ${messages(error).join(': ')}`)
          })
    },
  }
}
