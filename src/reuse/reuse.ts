import type { MadeLayer, PlatformImage } from '../image/platform-image.ts'
import type { Job } from '../lib/job.ts'
import type { Platform } from '../oci/platform.ts'
import type { Plan } from '../plan.ts'
import type { Target } from '../publish/target.ts'
import { type Known, knownImages, knownLayers, reusedImage, withoutImage } from './known.ts'

/**
 * Makes the image of a platform from layers of an earlier run, if the target takes it. Also returns what is known from
 * then on, without the images that the target does not take.
 */
export const reuseImage = async (
  known: Known,
  platform: Platform,
  plan: Pick<Plan, 'image'>,
  target: Pick<Target, 'pushes' | 'takes'>,
  { log }: Pick<Job, 'log'>,
): Promise<{ readonly image: PlatformImage | undefined; readonly known: Known }> => {
  const [record] = knownImages(known, platform)
  if (!record) return { image: undefined, known }
  const image = reusedImage(record, platform, plan.image.configuration, target.pushes)
  if (await target.takes(image.image, { isClaim: record.level === 'registry' })) {
    log.info(`The image for ${platform} is made of what an earlier run built; nothing is evaluated.`)
    return { image, known }
  }
  log.info(`An earlier run made the image for ${platform}, but the registry does not have all of it any more.`)
  return reuseImage(withoutImage(known, record), platform, plan, target, { log })
}

/** Finds a layer with this key that an earlier run made and that the target has. */
export const reuseLayer = async (
  known: Known,
  key: string,
  target: Pick<Target, 'has'>,
): Promise<Pick<MadeLayer, 'descriptor' | 'diffID' | 'isClaim'> | undefined> => {
  for (const { level, descriptor, diffID } of knownLayers(known, key)) {
    const isClaim = level === 'registry'
    if (await target.has(descriptor, { isClaim })) return { descriptor, diffID, isClaim }
  }
  return undefined
}
