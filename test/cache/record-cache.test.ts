import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { restoreRecords } from '../../src/cache/record-cache.ts'
import { noRecords } from '../../src/cache/records.ts'
import { silentLog } from '../support/log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

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
      await truncate(file, 65_000_000)
    },
    /: they have 65000000 bytes, and no run saves so many\.$/,
  ],
])('records that are %s are told of in one short notice, and are to be replaced', async (_, write, notice) => {
  await using temporary = await temporaryFolder('records')
  const notices: string[] = []
  const distrusted: string[] = []
  const records = await restoreRecords(['0'.repeat(64)], {
    cache: {
      restore: async (folder) => {
        await mkdir(folder, { recursive: true })
        await write(join(folder, 'records.json'))
        return 'an-entry'
      },
      distrust: (_, entry) => distrusted.push(entry),
      save: async () => undefined,
    },
    use: { read: true, save: true },
    log: { ...silentLog, notice: (message) => notices.push(message) },
    temporary: temporary.path,
  })
  expect(records).toEqual(noRecords)
  expect(distrusted).toEqual(['an-entry'])
  expect(notices).toEqual([expect.stringMatching(notice)])
  expect(notices[0]).toMatch(/^The records in an-entry of the Actions cache cannot be used: .{1,500}\.$/)
})
