import { type Compression, compressionFormat } from './archive/compress.ts'
import type { Context } from './context.ts'
import type { Inputs } from './inputs.ts'
import type { EvaluationRequest } from './nix/evaluate.ts'
import { nixSystem, type Platform } from './oci/platform.ts'

/** What a run is going to do, decided from inputs and context before anything is done. */
export type Plan = {
  /** The first one is what outputs that are for one platform speak of. */
  readonly platforms: readonly Platform[]
  /** The same for all platforms. */
  readonly evaluation: Pick<EvaluationRequest, 'config' | 'nativeSystem' | 'nixDirectory' | 'packages'>
  readonly layering: Inputs['layering']
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

export const plan = (inputs: Inputs, context: Context): Plan => {
  const baseLayer = inputs.preset === 'default'
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
    layerBudget: inputs.maxLayers - (baseLayer ? 2 : 1),
    baseLayer,
    compression: inputs.compression,
    layerFormat: compressionFormat(inputs.compression),
    push: inputs.push !== 'false' && !forked,
    notPushed: forked
      ? 'The image is not pushed: this is a pull request from a fork, whose token cannot write packages.'
      : 'The image is not pushed, as `push: false` says.',
  }
}
