import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { proveStorePaths } from '../archive/prove.ts'
import { checkClosure } from '../graph/closure.ts'
import { assemble } from '../image/assemble.ts'
import type { PlatformImage } from '../image/platform-image.ts'
import { checkPartition } from '../layers/partition.ts'
import { popularityLayers } from '../layers/popularity-layers.ts'
import { stableLayers } from '../layers/stable-layers.ts'
import type { Job } from '../lib/job.ts'
import { addTime, timed } from '../lib/timings.ts'
import { checkValidity } from '../nix/check-validity.ts'
import { evaluateImage } from '../nix/evaluate.ts'
import { realiseImage } from '../nix/realise.ts'
import type { NixAccess } from '../nix/sandbox.ts'
import type { FetchedSource } from '../nix/source.ts'
import type { StorePath } from '../nix/store-path.ts'
import { nixSystem, type Platform } from '../oci/platform.ts'
import type { ImagePlan } from '../plan.ts'
import { checkArchitecture } from '../rootfs/check-architecture.ts'
import { findDanglingLinks } from '../rootfs/dangling-links.ts'
import { imageDefaults } from '../rootfs/image-defaults.ts'
import { linkedPaths, readLinks } from '../rootfs/links.ts'
import { loaderOf } from '../rootfs/loader.ts'
import { replacedFiles, rootFileSystem } from '../rootfs/root-file-system.ts'
import { findUsers } from '../rootfs/users.ts'
import { buildLayers, type LayerPorts } from './build-layers.ts'

export type BuildPorts = Pick<LayerPorts, 'find' | 'deliver' | 'keep'> & {
  /** Called with the derivation of the image, and awaited, before the derivation is built. */
  readonly evaluated: (derivation: StorePath) => Promise<void>
}

/**
 * Builds the image of one platform: builds its packages, groups their store paths into layers, and packs and delivers
 * the layers that are not found.
 */
export const buildPlatform = async (
  platform: Platform,
  plan: ImagePlan,
  source: FetchedSource,
  access: NixAccess,
  { log, timings, temporary, signal }: Pick<Job, 'log' | 'signal' | 'temporary' | 'timings'>,
  { evaluated, ...ports }: BuildPorts,
): Promise<PlatformImage> => {
  const { nix } = access
  const folder = join(temporary, platform)
  await mkdir(folder, { recursive: true })

  let isPartial = false
  const spec = await log.group(`Evaluate and build the packages for ${platform}`, async () => {
    const request = { ...plan.evaluation, source, system: nixSystem(platform) }
    const image = await timed(timings, 'nix', () => evaluateImage(request, nix))
    isPartial = image.unreadable.length > 0
    for (const { attr, field } of image.unreadable)
      log.notice(
        `\`${field}\` of ${attr} cannot be evaluated, as the log says; the image is made as if the package did not say it.`,
      )
    await evaluated(image.derivation)
    return timed(timings, 'nix', () => realiseImage(image, access, { temporary: folder, signal }))
  })
  const { conflicts, packages, withoutFiles } = spec
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
  const baseFiles = rootFileSystem(links, plan.base, await findUsers(plan.base, links, closure), loader, closure)
  for (const sentence of replacedFiles(links, plan.base)) log.notice(sentence)
  const danglingLinks = findDanglingLinks(links, closure, baseFiles)
  const start = performance.now()
  const { compression, layerFormat } = plan
  const { symlinkLayer } = spec
  const layers = await buildLayers(
    { compression, layerFormat, symlinkLayer, partition, closure, baseFiles, folder },
    { ...ports, allPacked: () => addTime(timings, 'archive', performance.now() - start) },
  )
  // Reused layers are not read in this run. But Nix read the directories of these packages to make this image's links.
  const linked = new Set(await linkedPaths(links))
  const unread = layers.flatMap(({ made, storePaths }) => (made === 'reused' ? storePaths : []))
  await timed(timings, 'archive', () =>
    proveStorePaths(
      unread.filter((path) => linked.has(path)),
      closure,
    ),
  )
  const defaults = imageDefaults(links, loader)
  const hasShell = links.has('bin/sh') || baseFiles.some(({ name }) => name === 'bin/sh')
  const contents = { packages, withoutFiles, conflicts, danglingLinks, hasShell, closure, defaults, layers }
  const image = assemble(contents, plan.configuration, platform)
  return { platform, contents, image, isPartial, reused: undefined }
}
