import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuiltLayer, buildLayers, type DeliveredLayer } from './archive/build-layers.ts'
import { checkArchitecture } from './archive/check-architecture.ts'
import { type DanglingLink, findDanglingLinks } from './archive/dangling-links.ts'
import { readLinks } from './archive/links.ts'
import { rootFileSystem } from './archive/root-file-system.ts'
import { findOwner } from './archive/users.ts'
import { assemble } from './assemble.ts'
import { type Closure, checkClosure, closureSize } from './graph/closure.ts'
import { imageDefaults } from './image-defaults.ts'
import { loaderOf } from './job-container.ts'
import { checkPartition } from './layers/partition.ts'
import { popularityLayers } from './layers/popularity.ts'
import { stableLayers } from './layers/stable.ts'
import type { Log } from './log.ts'
import { checkValidity } from './nix/check-validity.ts'
import { evaluateImage } from './nix/evaluate.ts'
import type { ImageSpec } from './nix/image-spec.ts'
import type { Nix } from './nix/nix.ts'
import { realiseImage } from './nix/realise.ts'
import type { FetchedSource } from './nix/source.ts'
import { packageName } from './nix/store-path.ts'
import type { Image } from './oci/image.ts'
import { nixSystem, type Platform } from './oci/platform.ts'
import type { Origin } from './outcome.ts'
import type { Plan } from './plan.ts'
import { addTime, type Timings, timed } from './timings.ts'
import { megabytes } from './units.ts'

/** An image whose layers have been delivered. */
export type BuiltPlatform = {
  readonly platform: Platform
  readonly spec: ImageSpec
  readonly closure: Closure
  readonly image: Image
  readonly danglingLinks: readonly DanglingLink[]
  readonly layers: readonly (BuiltLayer & Pick<DeliveredLayer<Origin>, 'packAgain'> & { readonly origin: Origin })[]
}

export type BuildTools = {
  readonly nix: Nix
  readonly log: Log
  readonly timings: Timings
  readonly temporary: string
  /** Takes a layer that is complete, and says where it is from now. Its file is gone afterwards. */
  readonly deliver: (layer: BuiltLayer) => Promise<Origin>
}

/** As many as one reads; the step summary has more. */
const shownConflicts = 20

/** In one sentence, which the run's page shows. */
const shownDangling = 3

/** Builds the image of one platform: packages, their grouping into layers, the layers, which are delivered one by one. */
export const buildPlatform = async (
  platform: Platform,
  plan: Plan,
  source: FetchedSource,
  { nix, log, timings, temporary, deliver }: BuildTools,
): Promise<BuiltPlatform> => {
  const folder = join(temporary, platform)
  await mkdir(folder, { recursive: true })

  const spec = await log.group(`Evaluate and build the packages for ${platform}`, () =>
    timed(timings, 'nix', async () => {
      const derivation = await evaluateImage({ ...plan.evaluation, source, system: nixSystem(platform) }, nix)
      return realiseImage(derivation, folder, nix)
    }),
  )
  const { conflicts, packages } = spec
  const closure = checkClosure(spec.runtimeGraph, spec.roots)
  await timed(timings, 'nix', () => checkValidity([...closure.paths.keys(), spec.symlinkLayer.path], nix))
  log.info(`${packages.length} packages, ${closure.paths.size} store paths, ${megabytes(closureSize(closure))}`)
  for (const { path, winner, loser } of conflicts.slice(0, shownConflicts))
    log.info(`${path} is from ${winner}; left out is ${loser}`)
  if (conflicts.length > shownConflicts) log.info(`… and ${conflicts.length - shownConflicts} more such names`)

  const partition = await timed(timings, 'layers', async () => {
    const layers =
      plan.layering === 'stable'
        ? stableLayers(closure, plan.layerBudget)
        : popularityLayers(closure, plan.layerBudget, new Map(plan.popularity))
    checkPartition(layers, closure, plan.layerBudget)
    return layers
  })

  const links = await readLinks(spec.symlinkLayer.path)
  await checkArchitecture(links, platform)
  const loader = plan.base.preset === 'job-container' ? loaderOf(spec, platform) : undefined
  const baseFiles = rootFileSystem(links, plan.base, await findOwner(plan.base, links), loader)
  const danglingLinks = findDanglingLinks(links, closure, baseFiles)
  if (danglingLinks.length > 0) log.warning(describeDangling(danglingLinks))
  const start = performance.now()
  const built = await buildLayers({ ...plan, ...spec, partition, closure, baseFiles, folder }, deliver, () =>
    addTime(timings, 'archive', performance.now() - start),
  )
  const layers = built.map(({ layer, delivered, packAgain }) => ({ ...layer, origin: delivered, packAgain }))
  const size = layers.reduce((total, { descriptor }) => total + descriptor.size, 0)
  log.info(`${layers.length} layers, ${megabytes(size)}`)
  const image = assemble(layers, imageDefaults(links, loader), plan.configuration, platform)
  return { platform, spec, closure, danglingLinks, layers, image }
}

const describeDangling = (links: readonly DanglingLink[]): string => {
  const shown = links
    .slice(0, shownDangling)
    .map(({ path, owner, target }) => `${path} of ${packageName(owner)} (to ${target})`)
  const more = links.length > shown.length ? ` and ${links.length - shown.length} more, see the step summary` : ''
  return `The image has links that lead to nothing in it: ${shown.join(', ')}${more}.`
}
