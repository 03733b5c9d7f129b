import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordStore } from '../../src/cache/open-caches.ts'
import { assemble } from '../../src/image/assemble.ts'
import type { Contents, Layer } from '../../src/image/contents.ts'
import type { PlatformImage } from '../../src/image/platform-image.ts'
import type { Inputs } from '../../src/inputs/read-inputs.ts'
import { hashNar } from '../../src/nix/nar.ts'
import type { SourceIdentity } from '../../src/nix/source.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import type { Platform } from '../../src/oci/platform.ts'
import type { Plan } from '../../src/plan.ts'
import type { Target } from '../../src/publish/target.ts'
import { parseCachedRecords, type Records } from '../../src/reuse/records.ts'
import { requestKey, requestParts } from '../../src/reuse/request-key.ts'
import { root } from './action.ts'
import { closureOf, narHashOf, pathOf } from './closures.ts'
import { type EarlierRuns, earlierRuns } from './earlier-runs.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { silentLog } from './log.ts'
import { planOf } from './plans.ts'
import { type StrictRegistry, startStrictRegistry } from './strict-registry.ts'
import { targetPlan, testTarget } from './targets.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A run, and the messages that it logged. */
export type RememberingRun = {
  readonly plan: Plan
  readonly earlier: EarlierRuns
  readonly target: Target
  readonly told: readonly string[]
}

/** A registry, which is reached through the proxy, and an Actions cache. Runs on different machines share both. */
export type RememberingRuns = AsyncDisposable & {
  readonly registry: StrictRegistry
  readonly proxy: FaultProxy
  /** The entries of the Actions cache, the newest last. */
  readonly entries: { readonly key: string; readonly text: string }[]
  /** A run that pushes an image for `platform`, with these inputs changed. */
  readonly run: (inputs?: Partial<Inputs>, signal?: AbortSignal) => Promise<RememberingRun>
  /** Contents with layers of these names. The registry has the layers. */
  readonly contentsOf: (names: readonly string[]) => Contents
  readonly layerOf: (name: string) => Layer
  /** An image with these layers, as a run builds it, except for the layers that it `found`, by a claim or a fact. */
  readonly built: (
    run: RememberingRun,
    names: readonly string[],
    options?: { readonly found?: readonly string[]; readonly isClaim?: boolean; readonly on?: Platform },
  ) => PlatformImage
  /** A run that builds such an image in 1234 ms and saves its records. */
  readonly remember: (names: readonly string[], inputs?: Partial<Inputs>) => Promise<RememberingRun>
  /** The newest records of the cache. */
  readonly records: () => Records<'cache'>
  /** The requests to the registry while some work is done. */
  readonly asked: (work: () => Promise<unknown>) => Promise<string[]>
}

export const platform = 'linux/amd64'
const nixDirectory = join(root, 'nix')
const url = 'https://example.org/set.tar.gz'

/** A source as a run knows it after it fetched the source. */
export const fetchedSource: SourceIdentity & { readonly narHash: string } = {
  ...{ type: 'tarball', url, revision: undefined, narHash: narHashOf('a set'), claimed: narHashOf('a set') },
  describe: (hash) => `${url} with ${hash}`,
  fetch: { by: 'tarball', url, srcType: 'tarball' },
}

/** The same source as a run knows it before that. */
export const unfetchedSource: SourceIdentity = { ...fetchedSource, narHash: undefined }

/** The key of a layer. */
export const keyOf = (name: string): string => digestOf(Buffer.from(name)).slice('sha256:'.length)

export const requestOf = ({ plan }: RememberingRun): string =>
  requestKey(requestParts(plan, platform, fetchedSource.narHash, hashNar(nixDirectory)))

export const rememberingRuns = async (): Promise<RememberingRuns> => {
  await using starting = new AsyncDisposableStack()
  const registry = starting.use(await startStrictRegistry({ takesIncomplete: true }))
  const proxy = starting.use(await startFaultProxy(registry.host))
  const { path: temporary } = starting.use(await temporaryFolder('remembering-runs'))
  const entries: { key: string; text: string }[] = []

  const layerOf = (name: string): Layer => {
    const bytes = Buffer.from(`layer ${name}`)
    registry.add(bytes)
    return {
      descriptor: {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(bytes),
        size: bytes.length,
      },
      diffID: digestOf(Buffer.from(`${name}, unpacked`)),
      key: keyOf(name),
      storePaths: [pathOf(name)],
      holds: name,
    }
  }

  const contentsOf = (names: readonly string[]): Contents => ({
    ...{
      packages: [],
      withoutFiles: [],
      conflicts: [],
      danglingLinks: [],
      hasShell: true,
      defaults: { env: {}, cmd: undefined },
    },
    closure: closureOf(names, Object.fromEntries(names.map((name) => [name, {}]))),
    layers: names.map(layerOf),
  })

  const run: RememberingRuns['run'] = async (inputs = {}, signal = new AbortController().signal) => {
    const planned = planOf({ platforms: [platform], ...inputs })
    const plan: Plan = {
      ...planned,
      image: { ...planned.image, evaluation: { ...planned.image.evaluation, nixDirectory } },
      target: targetPlan(proxy.host, 'image', { push: planned.target.push }),
    }
    const told: string[] = []
    const tell = (message: string): void => {
      told.push(message)
    }
    const log = {
      ...{ ...silentLog, info: tell, notice: tell },
      group: <T>(title: string, work: () => Promise<T>): Promise<T> => {
        tell(title)
        return work()
      },
    }
    const target = await testTarget(plan.target, { signal })
    const store: RecordStore = {
      use: { read: true, save: true },
      cache: {
        restore: async (to, _, prefixes) => {
          const entry = prefixes
            .flatMap((prefix) => entries.toReversed().find(({ key }) => key.startsWith(prefix)) ?? [])
            .at(0)
          if (!entry) return undefined
          await rm(to, { recursive: true, force: true })
          await mkdir(to, { recursive: true })
          await writeFile(join(to, 'records.json'), entry.text)
          return entry.key
        },
        reject: (_, entry) => {
          throw new Error(`${entry} is rejected`)
        },
        save: async (from, key) => {
          entries.push({ key, text: await readFile(join(from, 'records.json'), 'utf8') })
          return key
        },
      },
    }
    const earlier = earlierRuns(plan, store, target, { log, temporary, signal })
    return { plan, earlier, target, told }
  }

  const built: RememberingRuns['built'] = (run, names, { found = [], isClaim = false, on = platform } = {}) => {
    const contents = contentsOf(names)
    const layers = contents.layers.map((layer) =>
      found.includes(layer.holds)
        ? ({ ...layer, made: 'reused', isClaim, blob: 'there' } as const)
        : ({ ...layer, made: 'built', isClaim: false, blob: 'sent' } as const),
    )
    const image = assemble(contents, run.plan.image.configuration, on)
    return { platform: on, contents: { ...contents, layers }, image, isPartial: false, reused: undefined }
  }

  const remember: RememberingRuns['remember'] = async (names, inputs) => {
    const first = await run(inputs)
    await first.earlier.recall(fetchedSource)
    await first.earlier.remember([built(first, names)], 1234)
    return first
  }

  const running = starting.move()
  return {
    ...{ registry, proxy, entries, run, contentsOf, layerOf, built, remember },
    records: () => parseCachedRecords(entries.at(-1)?.text ?? ''),
    asked: async (work) => {
      const before = registry.requests.length
      await work()
      return registry.requests.slice(before)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
