import type { RecordStore } from '../../src/cache/open-caches.ts'
import type { PlatformImage } from '../../src/image/platform-image.ts'
import type { Job } from '../../src/lib/job.ts'
import type { SourceIdentity } from '../../src/nix/source.ts'
import type { Platform } from '../../src/oci/platform.ts'
import type { Plan } from '../../src/plan.ts'
import type { Target } from '../../src/publish/target.ts'
import { forgotten, type Known } from '../../src/reuse/known.ts'
import { recall } from '../../src/reuse/recall.ts'
import { remember } from '../../src/reuse/remember.ts'
import { reuseImage, reuseLayer } from '../../src/reuse/reuse.ts'

/** A run's knowledge of earlier runs. It is kept between the calls, as `src/run.ts` keeps it. */
export type EarlierRuns = {
  readonly recall: (source: SourceIdentity) => Promise<SourceIdentity>
  readonly image: (platform: Platform) => Promise<PlatformImage | undefined>
  readonly layer: (key: string) => ReturnType<typeof reuseLayer>
  readonly forget: () => void
  readonly remember: (images: readonly PlatformImage[], milliseconds: number) => Promise<void>
  readonly known: () => Known
}

export const earlierRuns = (
  plan: Plan,
  store: RecordStore,
  target: Target,
  job: Pick<Job, 'log' | 'signal' | 'temporary'>,
): EarlierRuns => {
  let recalled: Known | undefined
  const known = (): Known => {
    if (!recalled) throw new Error('nothing was recalled')
    return recalled
  }
  return {
    known,
    recall: async (source) => {
      recalled = await recall(plan, source, store, target, job, recalled)
      return recalled.source
    },
    image: async (platform) => {
      const reused = await reuseImage(known(), platform, plan, target, job)
      recalled = reused.known
      return reused.image
    },
    layer: (key) => reuseLayer(known(), key, target),
    forget: () => {
      recalled = forgotten(known())
    },
    remember: (images, milliseconds) => remember(plan, known(), images, milliseconds, store, target, job),
  }
}
