import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { BuiltLayer } from './archive/build-layers.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from './archive/write-layout.ts'
import { type BuiltPlatform, buildPlatform } from './build-platform.ts'
import type { Context } from './context.ts'
import { UserError } from './error.ts'
import type { Inputs } from './inputs.ts'
import type { Log } from './log.ts'
import type { Endpoints } from './nix/endpoints.ts'
import { fetchSource } from './nix/fetch-source.ts'
import { identifySource } from './nix/identify-source.ts'
import type { InstalledNix } from './nix/install.ts'
import { prepareNix } from './nix/prepare.ts'
import type { Descriptor } from './oci/descriptor.ts'
import { imageIndex } from './oci/image-index.ts'
import { formatRepository } from './oci/reference.ts'
import type { Origin, Outcome, PlatformOutcome } from './outcome.ts'
import { plan as makePlan, type Plan } from './plan.ts'
import { readPopularity } from './read-popularity.ts'
import { findCredentials } from './registry/credentials.ts'
import { explainMoves } from './registry/moved-tags.ts'
import { pushImage, pushIndex, pushLayer, pushTags } from './registry/push.ts'
import { RepositoryClient } from './registry/repository.ts'
import { type Timings, timed } from './timings.ts'

/** What a run needs from outside. */
export type Ports = {
  readonly log: Log
  /** Masks a value in the log from then on. */
  readonly secret: (value: string) => void
  readonly endpoints: Endpoints
  /** Makes an installed Nix the one of the job's later steps too. */
  readonly addToJob: (installed: InstalledNix) => void
  /** Ends the run, and all that it started. */
  readonly signal: AbortSignal
}

/**
 * Builds the image and pushes it. Throws a `UserError` for what the user can mend; no tag has moved then. Temporary files
 * are gone when it returns or throws.
 */
export const run = async (inputs: Inputs, context: Context, ports: Ports): Promise<Outcome> => {
  const temporary = await mkdir(context.temporary, { recursive: true })
    .then(() => mkdtemp(join(context.temporary, 'nix-image-')))
    .catch((cause) => {
      throw new UserError(
        `RUNNER_TEMP is ${context.temporary}, which cannot be written to (${cause.code}); name a folder of this user.`,
        { cause },
      )
    })
  const work = build(inputs, context, ports, temporary)
  try {
    return await Promise.race([work, cancelled(ports.signal)])
  } finally {
    // Whoever was interrupted has a moment to put things in order.
    await Promise.race([work.catch(() => {}), setTimeout(cleanUpLimit, undefined, { ref: false })])
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** In milliseconds; the runner kills a step some seconds after it has told it to end. */
const cleanUpLimit = 1_500

/** Rejects when the run is cancelled; whoever works on may be in the middle of something that cannot be interrupted. */
const cancelled = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })

const build = async (inputs: Inputs, context: Context, ports: Ports, temporary: string): Promise<Outcome> => {
  const plan = makePlan(inputs, context, await readPopularity(inputs.popularity))
  const { repository, tags, output } = inputs
  const { log, signal, endpoints } = ports
  const environment = context.childEnvironment
  const timings: Timings = {}

  if (output) await prepareLayout(output)
  const client = new RepositoryClient(
    repository,
    await findCredentials(repository.registry, { ...inputs, ...context, signal }),
    ports,
  )
  if (plan.push) await client.checkAccess()

  const identity = await timed(timings, 'source', () =>
    identifySource(inputs.source, { ...inputs, endpoints, environment, signal }),
  )
  const { nix, installed } = await timed(timings, 'install', () =>
    prepareNix(
      { ...inputs, ...inputs.nix, system: plan.evaluation.nativeSystem, endpoints },
      { environment, temporary, log, signal },
    ),
  )
  if (installed && inputs.nix.install === 'always') ports.addToJob(installed)
  const source = await timed(timings, 'source', () => fetchSource(identity, { nix, temporary }))
  log.info(`Packages come from ${source.description}`)

  const deliver = async (layer: BuiltLayer): Promise<Origin> => {
    const origin = plan.push ? await pushLayer(client, layer) : 'built'
    if (output) await addLayerToLayout(output, layer)
    return origin
  }
  const built: BuiltPlatform[] = []
  for (const platform of plan.platforms)
    built.push(await buildPlatform(platform, plan, source, { nix, log, timings, temporary, deliver }))
  const top = topOf(built, plan)

  if (plan.push)
    await timed(timings, 'push', async () => {
      const pushImages = async (): Promise<void> => {
        for (const { image, layers } of built) await pushImage(client, image, resend(client, layers))
      }
      await pushImages()
      if (built.length > 1) await pushIndex(client, top, pushImages)
      const moved = await pushTags(client, top, tags, pushImages)
      const { digest } = top.descriptor
      log.info(`Pushed ${formatRepository(repository)}@${digest} as ${tags.join(', ')}`)
      for (const { level, message } of explainMoves(moved, { ...context, repository, digest })) log[level](message)
    })
  else log.info(plan.notPushed)
  if (output) {
    const images = built.map(({ image }) => image)
    await writeLayout(output, images, top, tags)
    log.info(`The image layout is in ${output}`)
  }

  return {
    repository,
    tags,
    descriptor: top.descriptor,
    pushed: plan.push,
    output,
    source,
    platforms: built.map(platformOutcome) as [PlatformOutcome],
    uploaded: client.bytesSent,
    requests: client.requests,
    timings,
  }
}

/** Packs a layer that the registry has lost once more, since its file was removed when it had been delivered. */
const resend =
  (client: RepositoryClient, layers: BuiltPlatform['layers']) =>
  async ({ digest }: Descriptor): Promise<void> => {
    const layer = await layers.find(({ descriptor }) => descriptor.digest === digest)?.packAgain()
    if (!layer) throw new Error(`no layer of this run is ${digest}`)
    await pushLayer(client, layer)
    await rm(layer.file)
  }

/** What the tags point at: the image, or the index where there are several. */
const topOf = (built: readonly BuiltPlatform[], { configuration }: Plan): BuiltPlatform['image']['manifest'] => {
  const [only, ...others] = built
  if (only && others.length === 0) return only.image.manifest
  return imageIndex(
    built.map(({ platform, image }) => ({ platform, manifest: image.manifest.descriptor })),
    configuration.annotations.index,
  )
}

const platformOutcome = ({
  platform,
  spec,
  closure,
  danglingLinks,
  image,
  layers,
}: BuiltPlatform): PlatformOutcome => ({
  platform,
  image,
  packages: spec.packages,
  conflicts: spec.conflicts,
  closure,
  danglingLinks,
  layers: layers.map(({ descriptor, diffID, key, storePaths, holds, origin }) => ({
    ...descriptor,
    diffID,
    key,
    storePaths,
    holds,
    narSize: storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
    origin,
  })),
})
