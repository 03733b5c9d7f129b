import type { Context } from './context.ts'
import type { Inputs } from './inputs.ts'
import { type Compression, compressionFormat } from './oci/compression.ts'
import { nixSystem, type Platform } from './oci/platform.ts'

/** An attribute path; one that is optional is left out where the package set does not have it. */
export type RequestedPackage = string | { readonly attr: string; readonly optional: true }

/** What a run is going to do, decided from inputs and context before anything is done. */
export type Plan = {
  /** The first one is what outputs that are for one platform speak of. */
  readonly platforms: readonly Platform[]
  /** The same for all platforms. The system is Nix's name of the machine that builds. */
  readonly evaluation: {
    readonly nixDirectory: string
    readonly nativeSystem: string
    readonly config: Readonly<Record<string, unknown>>
    readonly packages: readonly RequestedPackage[]
  }
  readonly layering: Inputs['layering']
  /** What a run was given of it, by name in code unit order. */
  readonly popularity: readonly (readonly [name: string, count: number])[]
  /** For the store paths; the last layers have theirs already. */
  readonly layerBudget: number
  readonly baseLayer: boolean
  readonly compression: Compression
  /** How layers are packed and compressed; part of their keys. */
  readonly layerFormat: string
  readonly push: boolean
  /** Why the image is not pushed, where it is not. */
  readonly notPushed: string
}

/** What `preset: default` adds to the packages, where the set has it. Packages that are listed win over these. */
const defaultPackages = ['cacert', 'iana-etc'].map((attr) => ({ attr, optional: true }) as const)

/** How many of an image's layers are for store paths: the symlink layer comes above them, and the base layer where there is one. */
export const layersForPaths = (maxLayers: number, preset: Inputs['preset']): number =>
  maxLayers - (hasBaseLayer(preset) ? 2 : 1)

const hasBaseLayer = (preset: Inputs['preset']): boolean => preset !== 'bare'

export const plan = (inputs: Inputs, context: Context, popularity: Plan['popularity'] = []): Plan => {
  const baseLayer = hasBaseLayer(inputs.preset)
  const forked = inputs.push === 'auto' && context.isForkPullRequest
  return {
    platforms: inputs.platforms,
    evaluation: {
      nixDirectory: context.nixDirectory,
      nativeSystem: nixSystem(context.platform),
      config: inputs.nixpkgsConfig,
      packages: baseLayer ? [...inputs.packages, ...defaultPackages] : inputs.packages,
    },
    layering: inputs.layering,
    popularity,
    layerBudget: layersForPaths(inputs.maxLayers, inputs.preset),
    baseLayer,
    compression: inputs.compression,
    layerFormat: compressionFormat(inputs.compression),
    push: inputs.push !== 'false' && !forked,
    notPushed: forked
      ? 'The image is not pushed: this is a pull request from a fork, whose token cannot write packages.'
      : 'The image is not pushed, as `push: false` says.',
  }
}
