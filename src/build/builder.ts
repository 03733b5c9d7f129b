import { rm } from 'node:fs/promises'
import type { StoreCache } from '../cache/store-cache.ts'
import type { Inputs } from '../inputs/read-inputs.ts'
import type { Log } from '../lib/log.ts'
import { type Timings, timed } from '../lib/timings.ts'
import type { Endpoints } from '../nix/endpoints.ts'
import { fetchSource } from '../nix/fetch-source.ts'
import type { InstalledNix } from '../nix/install.ts'
import type { Nix } from '../nix/nix.ts'
import { prepareNix } from '../nix/prepare.ts'
import type { NixAccess } from '../nix/sandbox.ts'
import { type FetchedSource, refined, type SourceIdentity } from '../nix/source.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Platform } from '../oci/platform.ts'
import type { Plan } from '../plan.ts'
import { pushImage, pushLayer } from '../registry/push.ts'
import type { RepositoryClient } from '../registry/repository.ts'
import type { Origin, PushableImage } from '../report/outcome.ts'
import type { EarlierRuns } from '../reuse/earlier-runs.ts'
import type { BuiltLayer } from './build-layers.ts'
import { buildPlatform } from './build-platform.ts'

/** Makes images with Nix. Nothing is installed, started or fetched before it is needed. */
export type Builder = {
  /** Nix ready to use, installed where the inputs say so. */
  readonly prepareNix: () => Promise<Nix>
  /**
   * The image of a platform, pushed where the plan says so; of an earlier run's layers, if only now it is known that
   * there is one.
   */
  readonly image: (platform: Platform) => Promise<PushableImage>
  /** What the images were made of; `undefined` if none was. */
  readonly source: () => FetchedSource | undefined
  /** Keeps store paths for later runs. */
  readonly keepStorePaths: () => Promise<void>
}

export type BuilderTools = {
  readonly earlier: EarlierRuns
  readonly storeCache: StoreCache
  readonly client: RepositoryClient
  /** Takes a layer that is complete, and says where it is from now. */
  readonly deliver: (layer: BuiltLayer) => Promise<Origin>
  readonly addToJob: (installed: InstalledNix) => void
  readonly endpoints: Endpoints
  readonly environment: Readonly<Record<string, string>>
  readonly secretFolders: readonly string[]
  readonly temporary: string
  readonly timings: Timings
  readonly log: Log
  readonly signal: AbortSignal
}

export const openBuilder = (plan: Plan, inputs: Inputs, identity: SourceIdentity, tools: BuilderTools): Builder => {
  const { earlier, storeCache, client, deliver, addToJob, endpoints, temporary, timings, log } = tools
  const derivations: StorePath[] = []
  let access: NixAccess | undefined
  let source: FetchedSource | undefined

  const prepare = async (): Promise<NixAccess> => {
    if (access) return access
    const prepared = await timed(timings, 'install', () =>
      prepareNix({ ...inputs, ...inputs.nix, ...tools, system: plan.evaluation.nativeSystem, endpoints }, tools),
    )
    if (prepared.installed && inputs.nix.install === 'always') addToJob(prepared.installed)
    access = prepared
    return access
  }

  const fetchOnce = async (nix: Nix): Promise<FetchedSource> => {
    if (source) return source
    const fetched = await timed(timings, 'source', () => fetchSource(identity, { ...tools, nix }))
    log.info(`Packages come from ${fetched.description}`)
    await timed(timings, 'cache', () => earlier.recall(refined(identity, fetched)))
    source = fetched
    return fetched
  }

  return {
    prepareNix: async () => (await prepare()).nix,

    image: async (platform) => {
      const access = await prepare()
      const { nix } = access
      const source = await fetchOnce(nix)
      const reused = await earlier.image(platform)
      if (reused) return reused
      await timed(timings, 'cache', () => storeCache.restoreSource(source, nix))
      const built = await buildPlatform(platform, plan, source, {
        ...{ access, log, timings, temporary, signal: tools.signal },
        evaluated: async (derivation) => {
          derivations.push(derivation)
          await timed(timings, 'cache', () => storeCache.restoreOutputs(derivation, nix))
        },
        ...{ find: earlier.layer, deliver },
      })
      const push = () =>
        pushImage(client, built.image, async (descriptor) => {
          // Its file was removed when it had been delivered.
          const layer = await built.packAgain(descriptor)
          await pushLayer(client, layer)
          await rm(layer.file)
        })
      if (plan.push) await timed(timings, 'push', push)
      return { ...built, push }
    },

    source: () => source,

    keepStorePaths: async () => {
      if (access && source) await storeCache.save(derivations, source, access.nix)
    },
  }
}
