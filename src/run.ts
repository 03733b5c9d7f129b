import { buildPlatform } from './build/build-platform.ts'
import { openCaches } from './cache/open-caches.ts'
import type { Context } from './inputs/context.ts'
import type { Inputs } from './inputs/read-inputs.ts'
import { readPopularity } from './inputs/read-popularity.ts'
import { mapInOrder } from './lib/concurrent.ts'
import type { Job } from './lib/job.ts'
import { once } from './lib/once.ts'
import { type Stage, timed } from './lib/timings.ts'
import { fetchSource } from './nix/fetch-source.ts'
import { identifySource } from './nix/identify-source.ts'
import { type Outside, prepareNix } from './nix/prepare.ts'
import { pinned, refined } from './nix/source.ts'
import type { Platform } from './oci/platform.ts'
import { plan as makePlan } from './plan.ts'
import { openTarget } from './publish/target.ts'
import { logContents, missingShell } from './report/log-contents.ts'
import { type Outcome, outcomeOf } from './report/outcome.ts'
import { forgotten, isBuiltHere } from './reuse/known.ts'
import { recall } from './reuse/recall.ts'
import { remember } from './reuse/remember.ts'
import { reuseImage, reuseLayer } from './reuse/reuse.ts'

/**
 * Builds the image and pushes it. Throws a `UserError` if the user can solve the problem; no tag has moved then, unless
 * the registry refuses one after another, which the log says.
 */
export const run = async (inputs: Inputs, context: Context, outside: Outside, job: Job): Promise<Outcome> => {
  const start = performance.now()
  const stage = <T>(name: Stage, work: () => Promise<T>): Promise<T> => timed(job.timings, name, work)
  const plan = makePlan(inputs, context, await readPopularity(inputs.popularity))
  const target = await openTarget(plan.target, job)
  const identity = await stage('source', () => identifySource(plan.source, outside, job))
  const caches = openCaches(plan.cache, job)
  let known = await stage('cache', () => recall(plan, identity, caches.records, target, job))

  const nix = once(() => stage('install', () => prepareNix(plan.nix, outside, job)))
  const fetched = once(async () => {
    const { nix: fetcher } = await nix()
    const source = await stage('source', () => fetchSource(known.source, fetcher, outside, job))
    job.log.info(`Packages come from ${source.description}`)
    known = await stage('cache', () => recall(plan, refined(identity, source), caches.records, target, job, known))
    return source
  })
  const reuse = async (platform: Platform) => {
    const reused = await reuseImage(known, platform, plan, target, job)
    known = reused.known
    return reused.image
  }
  const build = async (platform: Platform) => {
    const [access, source] = [await nix(), await fetched()]
    // The hash of the source may have become known only now.
    const reused = await reuse(platform)
    if (reused) return reused
    await stage('cache', () => caches.storePaths.restoreSource(source, access.nix))
    const image = await buildPlatform(platform, plan.image, source, access, job, {
      evaluated: (derivation) => stage('cache', () => caches.storePaths.restoreOutputs(derivation, access.nix)),
      find: (key) => reuseLayer(known, key, target),
      deliver: target.deliver,
      keep: target.keep,
    })
    await target.push(image)
    return image
  }
  const makeAll = () => mapInOrder(plan.platforms, async (each) => (await reuse(each)) ?? build(each))

  let images = await makeAll()
  // This comes before a tag moves, since it may fail.
  if (plan.nix.install === 'always') await nix()
  const top = await target.publish(images).catch(async (error) => {
    if (images.every(isBuiltHere) || !target.isLost(error)) throw error
    job.log.info('The registry does not take what an earlier run made; all of it is made again.')
    known = forgotten(known)
    images = await makeAll()
    return target.publish(images)
  })
  for (const { contents } of images) logContents(contents, job.log)
  const noShell = missingShell(
    plan.image.configuration.healthcheck,
    images.map(({ contents }) => contents),
  )
  if (noShell) job.log.warning(noShell)
  await stage('cache', async () => {
    await remember(plan, known, images, Math.round(performance.now() - start), caches.records, target, job)
    await caches.storePaths.save()
  })
  return outcomeOf(images, top, pinned(known.source), target.delivered(), job.timings)
}
