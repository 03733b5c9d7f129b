import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { downloadFile, downloadText } from '../../src/nix/download.ts'
import { startWebServer } from '../support/web-server.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const options = () => ({ signal: new AbortController().signal })

test('a file has the digest of its bytes', async () => {
  await using server = await startWebServer({ '/file': 'some text' })
  const file = join(folder, 'file')
  expect(await downloadFile(`${server.url}/file`, file, options())).toBe(
    createHash('sha256').update('some text').digest('hex'),
  )
  expect(await readFile(file, 'utf8')).toBe('some text')
})

test('what breaks off is begun again', async () => {
  let attempts = 0
  await using server = await startWebServer({
    '/file': (_, response) => {
      if (++attempts > 1) return void response.end('whole')
      response.writeHead(200, { 'content-length': 100 }).write('part')
      setTimeout(() => response.destroy(), 50)
    },
  })
  const file = join(folder, 'broken-off')
  await downloadFile(`${server.url}/file`, file, options())
  expect(await readFile(file, 'utf8')).toBe('whole')
})

test('a refusal is not asked for again', async () => {
  await using server = await startWebServer({})
  await expect(downloadText(`${server.url}/file`, options())).rejects.toThrow('(the server answers 404)')
  expect(server.requests).toHaveLength(1)
})

test('a server that falls silent is given up', async () => {
  await using server = await startWebServer({ '/file': (_, response) => void response.writeHead(200).write('part') })
  await expect(downloadText(`${server.url}/file`, { ...options(), idleLimit: 100 })).rejects.toThrow(
    `${server.url}/file cannot be downloaded (nothing came for 0.1 s); check that it is right, or run the job again.`,
  )
  expect(server.requests).toHaveLength(3)
})

test('a full disk is told as such', async () => {
  await using server = await startWebServer({ '/file': 'some text' })
  await expect(downloadFile(`${server.url}/file`, '/dev/full', options())).rejects.toThrow(
    `There is no space left for ${server.url}/file; free some on the disk of the runner.`,
  )
})

test('a run that is cancelled waits for nothing', async () => {
  await using server = await startWebServer({ '/file': () => {} })
  const cancel = new AbortController()
  const download = downloadText(`${server.url}/file`, { signal: cancel.signal })
  setTimeout(() => cancel.abort(new Error('cancelled')), 50)
  await expect(download).rejects.toThrow('cancelled')
})

test('what stands behind the question mark is in no error', async () => {
  await using server = await startWebServer({})
  const urls = [`${server.url}/file?token=secret`, 'http://127.0.0.1:1/file?token=secret', 'nonsense?token=secret']
  for (const url of urls) {
    const error = await downloadText(url, options()).catch((cause) => cause)
    expect(error).toBeInstanceOf(UserError)
    expect(error.message).not.toContain('secret')
  }
})

test('a server is left alone for as long as it asks, but not for long, and not where the run is cancelled', async () => {
  const times: number[] = []
  await using server = await startWebServer({
    '/file': (_, response) => {
      times.push(performance.now())
      if (times.length > 1) return void response.end('text')
      response.writeHead(429, { 'retry-after': '2' }).end()
    },
    '/long': (_, response) => void response.writeHead(503, { 'retry-after': '100000' }).end(),
  })
  expect(await downloadText(`${server.url}/file`, options())).toBe('text')
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_900)

  const cancel = new AbortController()
  const download = downloadText(`${server.url}/long`, { signal: cancel.signal })
  await expect.poll(() => server.requests.filter(({ path }) => path === '/long').length).toBe(1)
  await sleep(50)
  const start = performance.now()
  cancel.abort(new Error('cancelled'))
  await expect(download).rejects.toThrow('cancelled')
  expect(performance.now() - start).toBeLessThan(500)
})
