import { type Compression, compressionFormat } from './archive/compression.ts'
import { cacheUse } from './cache/cache-use.ts'
import type { CachePlan } from './cache/open-caches.ts'
import { storeCacheKey } from './cache/store-cache-key.ts'
import type { PopularityData } from './graph/popularity.ts'
import type { BaseLayer } from './image/base-layer.ts'
import type { DatedConfiguration, RequestedConfiguration } from './image/configuration.ts'
import type { Context } from './inputs/context.ts'
import type { Inputs } from './inputs/read-inputs.ts'
import type { Evaluation, RequestedPackage } from './nix/evaluate.ts'
import type { NixRequest } from './nix/prepare.ts'
import type { SourceReference } from './nix/source-reference.ts'
import { nixSystem, type Platform } from './oci/platform.ts'
import { formatRepository } from './oci/reference.ts'
import { pushDecision } from './publish/push-decision.ts'
import type { TargetPlan } from './publish/target.ts'
import { jobContainerPackages } from './rootfs/job-container.ts'

/** The plan of a run, made from inputs and context before any work. Each part is for one room. */
export type Plan = {
  /** Outputs for one platform are about the first one. */
  readonly platforms: readonly Platform[]
  readonly source: SourceReference
  readonly nix: NixRequest
  readonly image: ImagePlan
  readonly cache: CachePlan
  /** Whose records of earlier runs are believed: those of the Actions cache, those of the registry too, or none. */
  readonly reuse: 'records' | 'registry' | 'none'
  readonly target: TargetPlan
}

/** Everything that decides the bytes of an image, besides its source and its platform. */
export type ImagePlan = {
  readonly evaluation: Evaluation
  readonly layering: 'stable' | 'popularity'
  readonly popularity: PopularityData
  /** The most layers of store paths; the symlink layer and the base layer are not among them. */
  readonly layerBudget: number
  readonly base: BaseLayer
  /** For the configuration, the manifest and the index only; layers are made without it. */
  readonly configuration: DatedConfiguration
  readonly compression: Compression
  /** How layers are packed and compressed; part of their keys. */
  readonly layerFormat: string
}

/** The time that Nix gives every file. It is fixed, so that an image which is built again has the same digest. */
const nixTime = '1970-01-01T00:00:01Z'

/** The packages that `preset: default` adds if the package set has them. Listed packages win over these. */
const defaultPackages = ['cacert', 'iana-etc'].map((attr) => ({ attr, optional: true }) as const)

/**
 * The number of an image's layers that are for store paths. The symlink layer comes above them, and then the base layer
 * if there is one.
 */
export const layersForPaths = (maxLayers: number, baseLayer: boolean): number => maxLayers - (baseLayer ? 2 : 1)

export const plan = (inputs: Inputs, context: Context, popularity: PopularityData = new Map()): Plan => {
  const { repository, preset, configuration, platforms, nix } = inputs
  const { user, workdir, volumes } = configuration
  const baseLayer = preset !== 'bare' || (workdir !== undefined && workdir !== '/') || volumes.length > 0
  const image: ImagePlan = {
    evaluation: {
      nixDirectory: context.nixDirectory,
      nativeSystem: nixSystem(context.platform),
      config: inputs.nixpkgsConfig,
      packages: [...inputs.packages, ...presetPackages(inputs)],
    },
    layering: inputs.layering,
    popularity,
    layerBudget: layersForPaths(inputs.maxLayers, baseLayer),
    base: { preset, user, workdir, volumes },
    configuration: { ...withSource(configuration, context), created: createdAt(context) },
    compression: inputs.compression,
    layerFormat: compressionFormat(inputs.compression),
  }
  const use = cacheUse(inputs.cache, context)
  return {
    platforms,
    source: inputs.source,
    nix: {
      ...nix,
      system: image.evaluation.nativeSystem,
      source: inputs.source,
      secretFolders: [
        ...(context.childEnvironment['HOME'] ? [context.childEnvironment['HOME']] : []),
        context.workspace,
        context.temporary,
      ],
    },
    image,
    cache: {
      service: context.cacheService,
      records: use.records,
      storePaths: {
        key: storeCacheKey({ ...image, platforms, sandbox: nix.sandbox }, formatRepository(repository)),
        use: use.storePaths,
        signingKey: inputs.signingKey,
      },
    },
    // A reused layer is only in the registry, but an image layout needs it as a file.
    reuse: inputs.output || inputs.reuse === 'false' ? 'none' : inputs.reuse === 'registry' ? 'registry' : 'records',
    target: {
      repository,
      tags: inputs.tags,
      credentials: {
        credentials: inputs.credentials,
        dockerConfig: context.dockerConfig,
        tokenHosts: inputs.tokenHosts,
        helperEnvironment: context.helperEnvironment,
        actor: context.actor,
        githubToken: inputs.githubToken,
        github: context.github,
      },
      ...pushDecision(inputs.push, context),
      layout: inputs.output,
      workspace: context.workspace,
      platform: context.platform,
      commit: context.commit,
      attempt: context.attempt,
      indexAnnotations: image.configuration.annotations.index,
    },
  }
}

const presetPackages = ({ preset, packages }: Inputs): readonly RequestedPackage[] =>
  preset === 'bare' ? [] : preset === 'default' ? defaultPackages : jobContainerPackages(packages)

const createdAt = ({ sourceDateEpoch }: Context): string =>
  sourceDateEpoch === undefined ? nixTime : new Date(sourceDateEpoch * 1000).toISOString().replace('.000', '')

/**
 * Adds the URL of the workflow's repository. Registries show it, and GHCR links a package to the repository by it.
 * Source: OCI image specification, "Pre-Defined Annotation Keys".
 */
const withSource = (configuration: RequestedConfiguration, { repositoryUrl }: Context): RequestedConfiguration => {
  const source = repositoryUrl === undefined ? {} : { 'org.opencontainers.image.source': repositoryUrl }
  const { labels, annotations } = configuration
  return {
    ...configuration,
    labels: { ...source, ...labels },
    annotations: { manifest: { ...source, ...annotations.manifest }, index: { ...source, ...annotations.index } },
  }
}
