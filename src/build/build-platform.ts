import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { proveStorePaths } from '../archive/prove.ts'
import { checkClosure } from '../graph/closure.ts'
import { assemble } from '../image/assemble.ts'
import { checkPartition } from '../layers/partition.ts'
import { popularityLayers } from '../layers/popularity.ts'
import { stableLayers } from '../layers/stable.ts'
import type { Log } from '../lib/log.ts'
import { addTime, type Timings, timed } from '../lib/timings.ts'
import { checkValidity } from '../nix/check-validity.ts'
import { evaluateImage } from '../nix/evaluate.ts'
import { realiseImage } from '../nix/realise.ts'
import type { NixAccess } from '../nix/sandbox.ts'
import type { FetchedSource } from '../nix/source.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { nixSystem, type Platform } from '../oci/platform.ts'
import type { Plan } from '../plan.ts'
import type { Origin, PlatformImage } from '../report/outcome.ts'
import { checkArchitecture } from '../rootfs/check-architecture.ts'
import { findDanglingLinks } from '../rootfs/dangling-links.ts'
import { imageDefaults } from '../rootfs/image-defaults.ts'
import { linkedPaths, readLinks } from '../rootfs/links.ts'
import { loaderOf } from '../rootfs/loader.ts'
import { replacedFiles, rootFileSystem } from '../rootfs/root-file-system.ts'
import { findUsers } from '../rootfs/users.ts'
import { type BuiltLayer, buildLayers, type LayerPorts } from './build-layers.ts'

/** An image whose layers have been delivered. `packAgain` makes the file of one of them anew, which stays. */
export type BuiltImage = PlatformImage & { readonly packAgain: (layer: Descriptor) => Promise<BuiltLayer> }

export type BuildTools = Pick<LayerPorts<Origin>, 'find' | 'deliver'> & {
  readonly access: NixAccess
  readonly signal: AbortSignal
  readonly log: Log
  readonly timings: Timings
  readonly temporary: string
  /** Told what describes the image, and waited for, before it is built. */
  readonly evaluated: (derivation: StorePath) => Promise<void>
}

/**
 * Builds the image of one platform: packages, their grouping into layers, the layers, which are delivered one by
 * one where they are not found.
 */
export const buildPlatform = async (
  platform: Platform,
  plan: Plan,
  source: FetchedSource,
  { access, log, timings, temporary, evaluated, find, deliver, signal }: BuildTools,
): Promise<BuiltImage> => {
  const { nix } = access
  const folder = join(temporary, platform)
  await mkdir(folder, { recursive: true })

  const spec = await log.group(`Evaluate and build the packages for ${platform}`, async () => {
    const request = { ...plan.evaluation, source, system: nixSystem(platform) }
    const image = await timed(timings, 'nix', () => evaluateImage(request, nix))
    await evaluated(image.derivation)
    return timed(timings, 'nix', () => realiseImage(image, access, { temporary: folder, signal }))
  })
  const { conflicts, packages } = spec
  const closure = checkClosure(spec.runtimeGraph, spec.roots)
  await timed(timings, 'nix', () => checkValidity([...closure.paths.keys(), spec.symlinkLayer.path], nix))
  const partition = await timed(timings, 'layers', async () => {
    const layers =
      plan.layering === 'stable'
        ? stableLayers(closure, plan.layerBudget)
        : popularityLayers(closure, plan.layerBudget, plan.popularity)
    checkPartition(layers, closure, plan.layerBudget)
    return layers
  })

  const links = await readLinks(spec.symlinkLayer)
  await checkArchitecture(links, platform)
  const loader = plan.base.preset === 'job-container' ? loaderOf(spec, platform) : undefined
  const baseFiles = rootFileSystem(links, plan.base, await findUsers(plan.base, links, closure), loader)
  for (const sentence of replacedFiles(links, plan.base)) log.notice(sentence)
  const danglingLinks = findDanglingLinks(links, closure, baseFiles)
  const start = performance.now()
  const results = await buildLayers(
    { ...plan, ...spec, partition, closure, baseFiles, folder },
    { find, deliver, allPacked: () => addTime(timings, 'archive', performance.now() - start) },
  )
  // Packages whose layers are an earlier run's, but whose directories Nix has read to make this image's links.
  const linked = new Set(await linkedPaths(links))
  const unread = results.flatMap(({ layer, origin }) => (origin === 'reused' ? layer.storePaths : []))
  await timed(timings, 'archive', () =>
    proveStorePaths(
      unread.filter((path) => linked.has(path)),
      closure,
    ),
  )
  const layers = results.map(({ layer }) => layer)
  const contents = { packages, conflicts, danglingLinks, closure, defaults: imageDefaults(links, loader), layers }
  return {
    platform,
    built: true,
    contents,
    image: assemble(contents, plan.configuration, platform),
    origins: results.map(({ origin }) => origin),
    packAgain: async ({ digest }) => {
      const result = results.find(({ layer }) => layer.descriptor.digest === digest)
      if (!result) throw new Error(`no layer of this run is ${digest}`)
      return result.packAgain()
    },
  }
}
