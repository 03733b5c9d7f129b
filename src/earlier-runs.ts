import { assemble } from './assemble.ts'
import { type RecordTools, restoreRecords, saveRecords } from './cache/record-cache.ts'
import {
  addImage,
  findImage,
  findLayer,
  hasImage,
  type ImageRecord,
  type LayerRecord,
  mergeRecords,
  noRecords,
} from './cache/records.ts'
import { requestKey, requestParts } from './cache/request-key.ts'
import { messages, UserError } from './error.ts'
import { hashNar } from './nix/nar.ts'
import { contentOf, type PinnedSource, pinned, type SourceIdentity } from './nix/source.ts'
import type { Platform } from './oci/platform.ts'
import { formatRepository } from './oci/reference.ts'
import type { PlatformImage, PushableImage } from './outcome.ts'
import type { Plan } from './plan.ts'
import { isRefusal } from './registry/error.ts'
import { hasLayer, pushImage } from './registry/push.ts'
import type { RepositoryClient } from './registry/repository.ts'
import { pullRecords, pushRecord } from './registry-records.ts'

/** What earlier runs made, as far as it is of use to this one. */
export type EarlierRuns = {
  /** Finds out what is known of the plan's requests. Nothing, where it cannot be said yet what the source holds. */
  readonly recall: (source: SourceIdentity) => Promise<void>
  /**
   * The image of a platform out of layers that an earlier run made. Where this run pushes, it is pushed. `undefined` where
   * none is known, or the registry has lost a layer of it.
   */
  readonly image: (platform: Platform, source: SourceIdentity | PinnedSource) => Promise<PushableImage | undefined>
  /** The source with the hash that its content had in the earlier run whose image was used. */
  readonly source: (source: SourceIdentity) => PinnedSource
  /** How long earlier runs took for the images that were used. */
  readonly milliseconds: () => number
  /** Has all that comes made anew. */
  readonly forget: () => void
  /** A layer with this key that the registry has. */
  readonly layer: (key: string) => Promise<LayerRecord | undefined>
  /** Tells later runs what this one built and pushed. */
  readonly remember: (images: readonly PlatformImage[], source: PinnedSource, milliseconds: number) => Promise<void>
}

/** There is nothing to make the layer of. */
class LostLayerError extends UserError {}

/**
 * Whether a push failed in a way that it may since it is of layers that this run has not seen. Registries have many words for
 * a blob that is not there.
 */
export const isLost = (error: unknown): boolean => error instanceof LostLayerError || isRefusal(error)

export const earlierRuns = (
  plan: Plan,
  tags: readonly string[],
  client: RepositoryClient,
  tools: RecordTools & { readonly signal: AbortSignal },
): EarlierRuns => {
  const { log } = tools
  const keys = new Map<Platform, string>()
  let content: string | undefined
  let used: ImageRecord[] = []
  let records = noRecords
  let usable = noRecords

  return {
    recall: async (source) => {
      const known = contentOf(source)
      if (known === undefined || known === content) return
      content = known
      const ownNix = hashNar(plan.evaluation.nixDirectory)
      for (const platform of plan.platforms) {
        const parts = requestParts(plan, platform, known, ownNix)
        keys.set(platform, requestKey(parts))
        await log.group(`The request key for ${platform} is ${keys.get(platform)}`, async () => {
          for (const [name, value] of Object.entries(parts)) log.info(`${name}: ${value}`)
        })
      }
      records = await restoreRecords([...keys.values()], tools)
      // What is not pushed has no use for layers that are in the registry.
      if (plan.reuse === 'registry' && plan.push)
        records = mergeRecords(await pullRecords(client, [...keys.values()], tags, tools), records)
      usable = plan.reuse === 'none' ? noRecords : records
    },

    image: async (platform, source) => {
      const record = findImage(usable, keys.get(platform) ?? '')
      // A hash that is wrong has to be told, and is when the source is fetched.
      if (!record || (source.narHash && source.narHash !== record.narHash)) return undefined
      const { contents } = record
      const image = assemble(contents, plan.configuration, platform)
      const push = () =>
        pushImage(client, image, ({ digest }) => {
          throw new LostLayerError(
            `${formatRepository(client.repository)} has lost ${digest}, which an earlier run pushed; run the job again.`,
          )
        })
      try {
        if (plan.push) await push()
      } catch (error) {
        if (!isLost(error)) throw error
        usable = { ...usable, images: usable.images.filter((image) => image !== record) }
        log.info(`An earlier run made the image for ${platform}, but the registry does not have all of it any more.`)
        return undefined
      }
      log.info(`The image for ${platform} is made of what an earlier run built; nothing is evaluated.`)
      used = [...used, record]
      return { platform, built: false, contents, image, origins: contents.layers.map(() => 'reused'), push }
    },

    source: (source) => {
      const [record] = used
      if (!record) throw new Error('The source is asked for, but no image of an earlier run was used')
      return pinned(source, record.narHash)
    },

    forget: () => {
      usable = noRecords
      used = []
    },

    milliseconds: () => used.reduce((total, { milliseconds }) => total + milliseconds, 0),

    layer: async (key) => {
      const layer = plan.push ? findLayer(usable, key) : undefined
      return layer && (await hasLayer(client, layer.descriptor)) ? layer : undefined
    },

    remember: async (images, { narHash }, milliseconds) => {
      const made = images.flatMap(({ platform, contents, built }) => {
        const key = keys.get(platform)
        const isNew = built && key !== undefined && !hasImage(records, key, contents)
        return isNew ? [{ key, narHash, milliseconds, contents }] : []
      })
      const [first] = keys.values()
      if (first === undefined || made.length === 0 || !plan.push) return
      // Under the key that the same run asks for first the next time.
      await saveRecords(made.reduce(addImage, records), first, tools)
      if (plan.reuse !== 'registry') return
      for (const image of made)
        await pushRecord(client, image).catch((error) => {
          tools.signal.throwIfAborted()
          log.notice(`The registry does not keep the record of this image: ${messages(error).join(': ')}`)
        })
    },
  }
}
