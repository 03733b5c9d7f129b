import { cp, mkdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ActionsCache } from '../../src/cache/actions-cache.ts'
import type { RecordStore } from '../../src/cache/open-caches.ts'
import type { Job } from '../../src/lib/job.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { restoreRecords, saveRecords } from '../../src/reuse/record-cache.ts'
import { addImage, type ImageRecord, noRecords } from '../../src/reuse/records.ts'
import { chain } from '../support/closures.ts'
import { silentLog } from '../support/log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Machine = AsyncDisposable & {
  readonly store: RecordStore
  readonly job: Pick<Job, 'log' | 'temporary'>
  readonly notices: string[]
  readonly infos: string[]
  readonly rejected: string[]
}

const machineWith = async (cache: Partial<ActionsCache>): Promise<Machine> => {
  const folder = await temporaryFolder('records')
  const notices: string[] = []
  const infos: string[] = []
  const rejected: string[] = []
  return {
    ...{ notices, infos, rejected },
    store: {
      cache: {
        restore: async () => undefined,
        reject: (_, entry) => rejected.push(entry),
        save: async () => undefined,
        ...cache,
      },
      use: { read: true, save: true },
    },
    job: {
      log: {
        ...silentLog,
        info: (message) => infos.push(message),
        notice: (message) => notices.push(message),
      },
      temporary: folder.path,
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test.each<[string, (file: string) => Promise<void>, RegExp]>([
  ['none', async () => {}, /ENOENT/],
  ['no JSON', (file) => writeFile(file, 'garbage'), /the records is not JSON: /],
  [
    'of a version of megabytes',
    (file) => writeFile(file, `{"version":"${'9'.repeat(3e6)}"}`),
    /have the version 9+\.$/,
  ],
  [
    'larger than any that are saved',
    async (file) => {
      await writeFile(file, '')
      await truncate(file, 16_000_001)
    },
    /: they have 16000001 bytes, and no run saves so many\.$/,
  ],
])('records that are %s are told of in one short notice, and are to be replaced', async (_, write, notice) => {
  await using run = await machineWith({
    restore: async (folder) => {
      await mkdir(folder, { recursive: true })
      await write(join(folder, 'records.json'))
      return 'an-entry'
    },
  })
  expect(await restoreRecords(['0'.repeat(64)], run.store, run.job)).toEqual(noRecords('cache'))
  expect(run.rejected).toEqual(['an-entry'])
  expect(run.notices).toEqual([expect.stringMatching(notice)])
  expect(run.notices[0]).toMatch(/^The records in an-entry of the Actions cache cannot be used: .{1,500}\.$/)
})

const name = (index: number): string => digestOf(Buffer.from(`${index}`)).slice('sha256:'.length)

const closure = chain(3)

/** An image whose record has about this many bytes, which no other record shares. */
const imageOf = (index: number, bytes: number): ImageRecord<'cache'> => ({
  level: 'cache',
  key: name(index),
  milliseconds: 1,
  contents: {
    ...{ packages: [], withoutFiles: [], conflicts: [], danglingLinks: [], hasShell: true, closure },
    defaults: { env: { A: `${index}`.padEnd(bytes, 'a') }, cmd: undefined },
    layers: [
      {
        descriptor: {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: digestOf(Buffer.from(`layer ${index}`)),
          size: 1,
        },
        diffID: digestOf(Buffer.from(`diff ${index}`)),
        key: name(index),
        storePaths: [...closure.paths.keys()],
        holds: 'all',
      },
    ],
  },
})

test('whatever a run has to tell, the next one can read it: what is oldest or too large is left out', async () => {
  let entry: string | undefined
  await using store = await temporaryFolder('entry')
  await using run = await machineWith({
    restore: async (folder) => {
      if (entry === undefined) return undefined
      await cp(store.path, folder, { recursive: true })
      return entry
    },
    save: async (folder, key) => {
      await cp(folder, store.path, { recursive: true })
      entry = key
      return key
    },
  })
  for (let index = 0; index < 12; index++) {
    const known = await restoreRecords([name(0)], run.store, run.job)
    // The eleventh image is too large by itself.
    const image = imageOf(index, index === 10 ? 17_000_000 : 2_500_000)
    await saveRecords(addImage(known, image), name(0), run.store, run.job)
    expect((await stat(join(store.path, 'records.json'))).size).toBeLessThanOrEqual(16_000_000)
  }
  const records = await restoreRecords([name(0)], run.store, run.job)
  expect(records.images.map(({ key }) => key)).toEqual([11, 9, 8, 7, 6, 5].map(name))
  expect(records.layers).toHaveLength(12)
  expect(run.notices).toEqual([])
  expect(run.infos).toContainEqual('There is no room for the records of 1 image, which a later run builds again')
})

test('records are looked for under each name, then wherever there are any, and are saved under the name', async () => {
  const asked: (readonly string[])[] = []
  const saved: string[] = []
  await using run = await machineWith({
    restore: async (_, __, prefixes) => {
      asked.push(prefixes)
      return undefined
    },
    save: async (_, key) => {
      saved.push(key)
      return key
    },
  })
  await restoreRecords([name(1), name(2)], run.store, run.job)
  await saveRecords(addImage(noRecords('cache'), imageOf(1, 1)), name(1), run.store, run.job)
  const prefix = (index: number): string => `nix-image-records-${name(index).slice(0, 32)}-`
  expect(asked).toEqual([[prefix(1), prefix(2)], ['nix-image-records-']])
  expect(saved).toEqual([expect.stringMatching(new RegExp(`^${prefix(1)}[0-9a-f]{16}$`))])
})

test('nothing is read or saved where it is not to be', async () => {
  const unexpected = async (): Promise<undefined> => expect.unreachable()
  await using run = await machineWith({ restore: unexpected, save: unexpected })
  const store = { ...run.store, use: { read: false, save: false } }
  expect(await restoreRecords([name(1)], store, run.job)).toEqual(noRecords('cache'))
  await saveRecords(addImage(noRecords('cache'), imageOf(1, 1)), name(1), store, run.job)
})
