import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { mapConcurrently } from '../src/lib/concurrent.ts'
import { UserError } from '../src/lib/error.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from '../src/publish/write-layout.ts'
import { type FaultProxy, type Rule, startFaultProxy } from '../test/support/fault-proxy.ts'
import { anySchedule, passingStatuses, singleFaults, stages, statusStages } from '../test/support/faults.ts'
import { layoutContent } from '../test/support/layout-content.ts'
import { strays } from '../test/support/off-origin.ts'
import { need, run } from '../test/support/process.ts'
import { hurried, pulledDigest, push, type TestImage, testClient, testImage } from '../test/support/pushed-image.ts'
import { startRegistry } from '../test/support/registry.ts'
import { type Quirks, startStrictRegistry } from '../test/support/strict-registry.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'

/**
 * Measures which faults a push survives: faults that the proxy of the tests makes in front of Debian's docker-registry,
 * and false answers of the strict registry. The waits of this client are 200 times shorter than in a run. skopeo, which
 * is measured beside it, waits as it always does.
 */

await using registry = await startRegistry()
await using withTokens = await startRegistry({ auth: 'token', tokenLifetime: 2 })
await using folder = await temporaryFolder('faults')

let images = 0
type NamedImage = TestImage & { readonly name: string; readonly digest: string }
const fresh = async (sizes: readonly number[]): Promise<NamedImage> => {
  const name = `image-${images++}`
  const made = await testImage(folder.path, name, sizes)
  return { ...made, name, digest: made.image.manifest.descriptor.digest }
}
const isWhole = async ({ name, digest }: NamedImage): Promise<boolean> =>
  (await pulledDigest(registry.host, name, 'v1').catch(() => '')) === digest
const bytesOfBlobs = ({ requests }: FaultProxy): number =>
  requests.filter(({ path }) => path.includes('/blobs/')).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
const sizeOf = ({ image, layers }: TestImage): number =>
  [image.config, ...layers].reduce((sum, { descriptor }) => sum + descriptor.size, 0)

const count = (results: readonly boolean[]): string => `${results.filter(Boolean).length}/${results.length}`
const row = (what: string, figure: string): void => console.log(`${what.padEnd(66)} ${figure}`)

/** Does the work for one item after the other, since some of it depends on timing. */
const each = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> =>
  mapConcurrently(items, 1, work)

const withSkopeo = async (image: NamedImage, host: string): Promise<void> => {
  const layout = join(folder.path, `layout-${image.name}`)
  await prepareLayout(layout, layout)
  for (const layer of image.layers) await addLayerToLayout(layout, layer)
  await writeLayout(layout, layoutContent(image.image, 'image'))
  const options = ['--retry-times', '3', '--preserve-digests', '--dest-tls-verify=false', '--dest-no-creds', '--quiet']
  const copy = ['--insecure-policy', 'copy', ...options, `oci:${layout}:image`, `docker://${host}/${image.name}:v1`]
  // skopeo has no timeout for a registry that does not answer.
  await run(need('timeout', 'coreutils'), ['60', need('skopeo', 'skopeo'), ...copy])
}
const withThisClient = async (image: NamedImage, host: string): Promise<void> => {
  await push(testClient(host, image.name), image).catch(() => {})
}

console.log('single faults                                                       this client  skopeo --retry-times 3')
const survived = await each(singleFaults, async ([name, stage, fault]) => {
  const results: boolean[] = await each([withThisClient, withSkopeo], async (client) => {
    await using proxy = await startFaultProxy(registry.host, [{ fits: stages[stage], fault }])
    const image = await fresh([300_000, 70_000])
    await client(image, proxy.host)
    return isWhole(image)
  })
  console.log(`  ${name.padEnd(66)} ${results.map((pushed) => (pushed ? 'pushed' : 'failed').padEnd(12)).join(' ')}`)
  return results
})
row('single faults, this client', count(survived.map(([ours = false]) => ours)))
row('single faults, skopeo --retry-times 3', count(survived.map(([, skopeos = false]) => skopeos)))

const pairs = passingStatuses.flatMap((status) => statusStages.map((stage) => ({ status, stage })))
row(
  'status codes × stages',
  count(
    await each(pairs, async ({ status, stage }) => {
      await using proxy = await startFaultProxy(withTokens.host, [{ fits: stages[stage], fault: { answer: status } }])
      const image = await fresh([3000])
      const client = testClient(proxy.host, image.name, { credentials: withTokens })
      await push(client, image).catch(() => {})
      return (await client.resolve('v1')) === image.digest && proxy.requests.some(({ fault }) => fault)
    }),
  ),
)

const places = [0, 1, 1000, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1]
row(
  'resets at so many places of an upload, at most one blob sent again',
  count(
    await each(places, async (resetAt) => {
      await using proxy = await startFaultProxy(registry.host, [{ fits: stages.upload, fault: { resetAt } }])
      const image = await fresh([3_000_000])
      await withThisClient(image, proxy.host)
      return (await isWhole(image)) && bytesOfBlobs(proxy) <= sizeOf(image) + 3_000_000
    }),
  ),
)

const expiries = ['question for a blob', 'start of an upload', 'commit of a blob', 'manifest', 'tag'] as const
row(
  'a token that expires before a stage, one new token for all',
  count(
    await each(expiries, async (stage) => {
      // The first ones belong to the check whether the repository may be pushed to.
      const nth = stage === 'start of an upload' ? 3 : 1
      const times = stage === 'manifest' || stage === 'tag' ? 1 : 3
      await using proxy = await startFaultProxy(withTokens.host, [
        { fits: stages[stage], fault: { delay: 2100 }, nth, times },
      ])
      const image = await fresh([1000, 2000, 3000])
      const client = testClient(proxy.host, image.name, { credentials: withTokens, clock: hurried(200, 10_000) })
      await push(client, image).catch(() => {})
      const tokens = proxy.requests.filter(({ path }) => path.startsWith('/token')).length
      return (await client.resolve('v1')) === image.digest && tokens <= 4
    }),
  ),
)

const lies: NonNullable<Quirks['lies']>[] = ['blob', 'blob question', 'blob size', 'manifest', 'tag']
row(
  'lies about a digest or a size that are found out',
  count(
    await each(lies, async (lie) => {
      await using liar = await startStrictRegistry({ lies: lie })
      const image = await fresh([5000])
      const [layer] = image.layers
      const client = testClient(liar.host, image.name)
      if (layer && lie.startsWith('blob ')) await client.putBlobFile(layer.descriptor, layer.file)
      return await push(client, image).then(
        () => false,
        (error) => error instanceof UserError && error.message.includes('so the image cannot be relied on'),
      )
    }),
  ),
)

type End = 'pushed' | 'failed with a sentence' | 'half-moved'
const endOf = async (rules: readonly Rule[]): Promise<End> => {
  await using proxy = await startFaultProxy(registry.host)
  const old = await fresh([500])
  const image = { ...(await fresh([60_000, 3000])), name: old.name }
  await push(testClient(proxy.host, old.name), old)
  proxy.follow(rules)
  const error = await push(testClient(proxy.host, old.name, { clock: hurried(1000, 250) }), image).then(
    () => undefined,
    (error: unknown) => error,
  )
  // The tag is read only once: a request whose connection is lost may still move it.
  const named = await pulledDigest(registry.host, old.name, 'v1').catch(() => '')
  const isClean = error === undefined ? named === image.digest : error instanceof UserError
  if (isClean && named === image.digest) return 'pushed'
  return isClean && named === old.digest ? 'failed with a sentence' : 'half-moved'
}
const ends = await mapConcurrently(fc.sample(anySchedule, { numRuns: 500, seed: 8 }), 8, endOf)
const endings = (end: End): number => ends.filter((other) => other === end).length
row(
  'random schedules of 1 to 6 faults: pushed, failed with a sentence',
  `${endings('pushed')} + ${endings('failed with a sentence')} of ${ends.length}`,
)
row('tags that were half-moved by them', `${endings('half-moved')}`)

const strayed = await mapConcurrently(strays, 8, ({ run }) => run())
row(
  'cases in which the other place is reached, or is not, as it should be',
  count(strayed.map(({ seen, reached }) => seen.length > 0 === reached)),
)
row(
  'requests with an authorization to another origin',
  `${strayed.flatMap(({ seen }) => seen).filter((authorization) => authorization !== undefined).length} in ${strays.length} cases`,
)

/** Starts a push in a separate process, and resolves when it begins to push. */
const startPush = async (host: string, name: string, seed: string, sizes: readonly number[]) => {
  const own = join(folder.path, `process-${images++}`)
  await mkdir(own)
  const script = join(import.meta.dirname, '..', 'test', 'support', 'push-process.ts')
  const child = spawn(process.execPath, [script, host, name, own, seed, ...sizes.map(String)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  await Promise.race([once(child.stdout, 'data'), ended])
  return { child, ended }
}

const sizes = [2_000_000, 500_000, 300_000, 100_000]
// A moment of the push: after some of its requests, which are 22 for these layers, and some milliseconds.
const moment = fc.record({ last: fc.integer({ min: 1, max: 22 }), pause: fc.nat(10) })
const kills = await each(fc.sample(moment, { numRuns: 50, seed: 8 }), async ({ last, pause }) => {
  const old = await fresh([500])
  await push(testClient(registry.host, old.name), old)
  const image = { ...(await testImage(folder.path, `new-${old.name}`, sizes)), name: old.name }
  const wanted = { ...image, digest: image.image.manifest.descriptor.digest }
  await using proxy = await startFaultProxy(registry.host)
  const { child, ended } = await startPush(proxy.host, old.name, `new-${old.name}`, sizes)
  while (proxy.requests.length < last && child.exitCode === null) await setTimeout(1)
  await setTimeout(pause)
  child.kill('SIGKILL')
  const [exitCode] = await ended
  const wasWhole = (await isWhole(old)) || (await isWhole(wanted))
  const next = await startPush(registry.host, old.name, `new-${old.name}`, sizes)
  const [nextCode] = await next.ended
  return { inTime: exitCode === null, wasWhole, green: nextCode === 0 && (await isWhole(wanted)) }
})
row('kills at random moments of a push', `${kills.filter(({ inTime }) => inTime).length} before its end`)
row('the tag names the old image or the new one, whole', count(kills.map(({ wasWhole }) => wasWhole)))
row('the next run is green', count(kills.map(({ green }) => green)))

const shared = { ...(await testImage(folder.path, 'shared', sizes)), name: 'shared' }
const together = await mapConcurrently(Array.from({ length: 16 }), 16, async () => {
  const { ended } = await startPush(registry.host, 'shared', 'shared', sizes)
  const [exitCode] = await ended
  return exitCode === 0
})
const sharedDigest = shared.image.manifest.descriptor.digest
row(
  'processes that push the same image and tag at once',
  count(together.map((green) => green)) +
    ((await isWhole({ ...shared, digest: sharedDigest })) ? '' : ', and the tag is wrong'),
)

const rivals = await each(Array.from({ length: 16 }), () => fresh([1000]))
const raced = await mapConcurrently(rivals, 16, async (image) => {
  const { ended } = await startPush(registry.host, 'rivals', image.name, [1000])
  const [exitCode] = await ended
  return exitCode === 0
})
const won = await pulledDigest(registry.host, 'rivals', 'v1').catch(() => '')
row(
  'processes that push different images to one tag at once',
  count(raced) + (rivals.some(({ digest }) => digest === won) ? '' : ', and the tag is none of theirs'),
)

await using proxy = await startFaultProxy(registry.host)
const twice = await fresh(sizes)
await withThisClient(twice, proxy.host)
const first = { bytes: bytesOfBlobs(proxy), requests: proxy.requests.length }
await withThisClient(twice, proxy.host)
row('bytes of blobs in a first push', `${first.bytes}, in ${first.requests} requests`)
row(
  'bytes of blobs in a second push of the same image',
  `${bytesOfBlobs(proxy) - first.bytes}, in ${proxy.requests.length - first.requests} requests`,
)
