import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { openBuilder } from './build/builder.ts'
import { openActionsCache } from './cache/actions-cache.ts'
import { cacheTime } from './cache/cache-time.ts'
import { cacheUse } from './cache/cache-use.ts'
import { openStoreCache } from './cache/store-cache.ts'
import { storeCacheKey } from './cache/store-cache-key.ts'
import type { Context } from './inputs/context.ts'
import type { Inputs } from './inputs/read-inputs.ts'
import { readPopularity } from './inputs/read-popularity.ts'
import { UserError } from './lib/error.ts'
import type { Log } from './lib/log.ts'
import { inOrder, type Timings, timed } from './lib/timings.ts'
import { urlSecrets } from './lib/url-secrets.ts'
import type { Endpoints } from './nix/endpoints.ts'
import { identifySource } from './nix/identify-source.ts'
import type { InstalledNix } from './nix/install.ts'
import type { Document } from './oci/descriptor.ts'
import { imageIndex } from './oci/image-index.ts'
import { formatRepository } from './oci/reference.ts'
import { plan as makePlan, type Plan } from './plan.ts'
import { explainMoves } from './publish/moved-tags.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from './publish/write-layout.ts'
import { findCredentials } from './registry/credentials.ts'
import { pushIndex, pushLayer, pushTags } from './registry/push.ts'
import { RepositoryClient } from './registry/repository.ts'
import { logContents } from './report/log-contents.ts'
import {
  type Outcome,
  type PlatformImage,
  type PlatformOutcome,
  type PushableImage,
  platformOutcome,
  reusedOf,
} from './report/outcome.ts'
import { earlierRuns, isLost } from './reuse/earlier-runs.ts'

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
 * Builds the image and pushes it. Throws a `UserError` for what the user can mend; no tag has moved then. Temporary
 * files are gone when it returns or throws.
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
  const start = performance.now()
  const plan = makePlan(inputs, context, await readPopularity(inputs.popularity))
  const { repository, tags, output } = inputs
  const { log, signal, endpoints } = ports
  const environment = context.childEnvironment
  const timings: Timings = {}

  if (output) await prepareLayout(output, context.workspace)
  const client = new RepositoryClient(
    repository,
    await findCredentials(repository, { ...inputs, ...context, signal }),
    ports,
  )
  if (plan.push) await client.checkAccess()
  const named = await timed(timings, 'source', () =>
    identifySource(inputs.source, { ...inputs, endpoints, environment, temporary, signal }),
  )
  if (named.fetch.by === 'tarball') for (const part of urlSecrets(named.fetch.url)) ports.secret(part)
  const time = cacheTime({ log, signal })
  const cache = openActionsCache(context.cacheService, { ...ports, time, environment, temporary })
  const use = cacheUse(inputs.cache, context)
  const earlier = earlierRuns(plan, tags, client, { cache, use: use.records, log, temporary, signal })
  const identity = await timed(timings, 'cache', () => earlier.recall(named))

  const builder = openBuilder(plan, inputs, identity, {
    ...ports,
    ...{ earlier, client, environment, temporary, timings },
    secretFolders: [...(environment['HOME'] ? [environment['HOME']] : []), context.workspace, context.temporary],
    storeCache: openStoreCache(storeCacheKey(plan, formatRepository(repository)), {
      ...{ cache, time, use: use.storePaths, signingKey: inputs.signingKey, log, temporary },
    }),
    deliver: async (layer) => {
      const origin = plan.push ? await pushLayer(client, layer) : 'built'
      if (output) await addLayerToLayout(output, layer)
      return origin
    },
  })
  const makeAll = async (): Promise<PushableImage[]> => {
    const images: PushableImage[] = []
    for (const platform of plan.platforms)
      images.push((await earlier.image(platform)) ?? (await builder.image(platform)))
    return images
  }
  const publish = (images: readonly PushableImage[]): Promise<void> =>
    timed(timings, 'push', async () => {
      const top = topOf(images, plan)
      const { digest } = top.descriptor
      const repair = async (): Promise<void> => {
        for (const { push } of images) await push()
      }
      if (images.length > 1) await pushIndex(client, top, repair)
      const moved = await pushTags(client, top, tags, repair)
      log.info(`Pushed ${formatRepository(repository)}@${digest} as ${tags.join(', ')}`)
      for (const { level, message } of explainMoves(moved, { ...context, repository, digest })) log[level](message)
    })

  let images = await makeAll()
  // Later steps want it, whatever this one needed; if it cannot be had, no tag has moved.
  if (inputs.nix.install === 'always') await builder.prepareNix()
  if (plan.push)
    await publish(images).catch(async (error) => {
      if (images.every(({ built }) => built) || !isLost(error)) throw error
      log.info('The registry does not take what an earlier run made; all of it is made again.')
      earlier.forget()
      images = await makeAll()
      await publish(images)
    })
  for (const { contents } of images) logContents(contents, log)
  const top = topOf(images, plan)
  if (!plan.push) log[plan.notPushed.level](plan.notPushed.message)
  if (output) {
    const documents = images.map(({ image }) => image)
    await writeLayout(output, documents, top, tags)
    log.info(`The image layout is in ${output}`)
  }
  const source = builder.source() ?? earlier.source()
  await timed(timings, 'cache', async () => {
    await earlier.remember(images, Math.round(performance.now() - start))
    await builder.keepStorePaths()
  })
  return {
    repository,
    tags,
    descriptor: top.descriptor,
    pushed: plan.push,
    output,
    source,
    platforms: images.map(platformOutcome) as [PlatformOutcome],
    reused: reusedOf(images),
    secondsBefore: earlier.milliseconds() / 1000,
    uploaded: client.bytesSent,
    requests: client.requests,
    timings: inOrder(timings),
  }
}

/** What the tags point at: the image, or the index where there are several. */
const topOf = (images: readonly PlatformImage[], { configuration }: Plan): Document => {
  const [only, ...others] = images
  if (only && others.length === 0) return only.image.manifest
  return imageIndex(
    images.map(({ platform, image }) => ({ platform, manifest: image.manifest.descriptor })),
    configuration.annotations.index,
  )
}
