import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withJob } from '../../src/lib/job.ts'
import { silentLog } from '../support/log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const request = (parent: string, signal = new AbortController().signal) => ({
  ...{ log: silentLog, secret: () => {}, environment: {} },
  ...{ parent, signal },
})

test('a job has a folder that nobody else can read, and that is gone afterwards', async () => {
  await using folder = await temporaryFolder('job')
  const temporary = join(folder.path, 'not', 'there', 'yet')
  const result = await withJob(request(temporary), async (job) => {
    expect((await stat(job.temporary)).mode & 0o777).toBe(0o700)
    await writeFile(join(job.temporary, 'file'), '')
    return 'done'
  })
  expect(result).toBe('done')
  expect(await readdir(temporary)).toEqual([])
  await expect(withJob(request(temporary), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await readdir(temporary)).toEqual([])
})

test('each job counts its own time', async () => {
  await using folder = await temporaryFolder('job')
  const both = await Promise.all([1, 2].map(() => withJob(request(folder.path), async ({ timings }) => timings)))
  expect(both[0]).not.toBe(both[1])
})

test('a job that is cancelled ends at once, and its work has a moment to put things in order', async () => {
  await using folder = await temporaryFolder('job')
  const controller = new AbortController()
  let isInOrder = false
  const working = withJob(request(folder.path, controller.signal), async ({ signal }) => {
    await setTimeout(60_000, undefined, { signal }).catch(() => setTimeout(20))
    isInOrder = true
  })
  controller.abort(new Error('cancelled'))
  await expect(working).rejects.toThrow('cancelled')
  expect(isInOrder).toBe(true)
  expect(await readdir(folder.path)).toEqual([])
})

test('a folder that cannot be written to is told with what to do', async () => {
  await using folder = await temporaryFolder('job')
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  await expect(withJob(request(join(file, 'below')), async () => {})).rejects.toThrow(
    `RUNNER_TEMP is ${join(file, 'below')}, which cannot be written to (ENOTDIR); name a folder of this user.`,
  )
})
