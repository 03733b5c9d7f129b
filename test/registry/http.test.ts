import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { TransientError } from '../../src/registry/error.ts'
import { exchange, type HttpResponse } from '../../src/registry/http.ts'
import { startDrippingServer } from '../support/dripping-server.ts'
import { testClient } from '../support/pushed-image.ts'
import { testTransport } from '../support/test-transport.ts'
import { closedPort, startWebServer } from '../support/web-server.ts'

const get = (url: string, idleLimit = 5000): Promise<HttpResponse> =>
  exchange({ method: 'GET', url: new URL(url), expected: [200] }, testTransport({ idleLimit }))

describe('no answer', () => {
  test('where nobody listens is asked for four times', async () => {
    const port = await closedPort()
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      message: `127.0.0.1:${port} does not answer (connect ECONNREFUSED 127.0.0.1:${port}); check the host in \`image\`, or run the job again.`,
      tries: 4,
    })
  })

  test('from a name that nobody has is asked for once', async () => {
    await expect(get('https://registry.invalid/')).rejects.toMatchObject({
      message: expect.stringMatching(
        /^registry\.invalid does not answer \(getaddrinfo \w+ registry\.invalid\); check the host/,
      ),
    })
  })

  test('from something that does not speak HTTPS says so, and is asked for once', async () => {
    await using server = await startWebServer({ '/': 'plain' })
    await expect(get(server.url.replace('http:', 'https:'))).rejects.toMatchObject({
      message: expect.stringMatching(
        /does not answer \(.*\); check the host in `image`, that it speaks HTTPS and that the runner trusts its certificate, or run the job again\.$/s,
      ),
      tries: 1,
    })
  })

  test.each([
    ['nothing at all', ''],
    ['a line and no more', 'HTTP/1.1 200 OK\r\n'],
    ['part of a body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart'],
  ])('but %s is waited for as long as something moves', async (_, text) => {
    const server = createServer((socket) => socket.on('error', () => {}).write(text)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const start = performance.now()
    await expect(get(`http://127.0.0.1:${port}/`, 200)).rejects.toThrow(/does not answer/)
    expect(performance.now() - start).toBeGreaterThan(190)
    expect(performance.now() - start).toBeLessThan(2000)
    server.close()
  })

  test('is not what one that comes slowly is', async () => {
    await using server = await startWebServer({
      '/': async (_, response) => {
        for (let part = 0; part < 5; part++) {
          response.write('part')
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        response.end()
      },
    })
    expect((await get(server.url, 300)).body.toString()).toBe('part'.repeat(5))
  })

  test('is what one is that comes so slowly that it has no end', async () => {
    await using server = await startWebServer({
      '/': (_, response) => {
        const drip = setInterval(() => response.write(' '), 50)
        response.on('close', () => clearInterval(drip))
      },
    })
    await expect(get(server.url, 100)).rejects.toThrow(/\(hardly anything moved for 0\.3 s\)/)
  })

  test('is not what an upload gets that takes longer than an answer may, while it moves', async () => {
    await using server = await startDrippingServer('', (socket) => {
      socket.pause()
      let received = 0
      const timer = setInterval(() => {
        received += (socket.read(Math.min(65_536, socket.readableLength)) as Buffer | null)?.length ?? 0
        if (received > body.length) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone')
      }, 10)
      socket.on('close', () => clearInterval(timer))
    })
    const body = Buffer.alloc(20_000_000)
    let sent = 0
    const onSent = (bytes: number): void => {
      sent += bytes
    }
    const start = performance.now()
    const put = { method: 'PUT', url: new URL(`http://127.0.0.1:${server.port}/`), expected: [200], body } as const
    expect((await exchange(put, testTransport({ idleLimit: 500, onSent }))).body.toString()).toBe('done')
    expect(performance.now() - start).toBeGreaterThan(1500)
    expect(sent).toBe(body.length)
  })

  test('of a host that has answered before is not laid to its name', async () => {
    const port = await closedPort()
    const known = testTransport({ known: new Set([`127.0.0.1:${port}`]) })
    const request = { method: 'GET', url: new URL(`http://127.0.0.1:${port}/`), expected: [200] } as const
    await expect(exchange(request, known)).rejects.toMatchObject({
      message: `127.0.0.1:${port} has stopped answering (connect ECONNREFUSED 127.0.0.1:${port}); run the job again.`,
      tries: Number.POSITIVE_INFINITY,
    })
  })

  test('is not what a registry gives that first looks at all that it was sent', async () => {
    await using server = await startWebServer({
      '/': (request, response) => void request.resume().on('end', () => setTimeout(() => response.end('done'), 700)),
    })
    const body = Buffer.alloc(20_000_000)
    const put = { method: 'PUT', url: new URL(server.url), expected: [200], body } as const
    expect((await exchange(put, testTransport({ idleLimit: 400 }))).body.toString()).toBe('done')
    await expect(exchange({ ...put, body: Buffer.alloc(1000) }, testTransport({ idleLimit: 400 }))).rejects.toThrow(
      /does not answer/,
    )
  })
})

describe('an answer that is longer than 8 MB', () => {
  const sentence = (url: string): string =>
    `${new URL(url).host} answers GET /path with more than 8 MB, as no registry does that is in order; check that \`image\` names a registry.`

  test('is final, and not silence that may pass', async () => {
    await using server = await startWebServer({
      '/path': (_, response) => {
        const more = (): void => void (response.destroyed || response.write(Buffer.alloc(1_000_000), more))
        more()
      },
    })
    const error: unknown = await get(`${server.url}/path?signature=secret`).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UserError)
    expect(error).not.toBeInstanceOf(TransientError)
    expect((error as Error).message).toBe(sentence(server.url))
  })

  test.each([
    [8_000_001, false],
    [8_000_000, true],
  ])('%d bytes, as announced, is refused before it comes', async (length, isTaken) => {
    let sent = 0
    await using server = await startWebServer({
      '/path': async (_, response) => {
        response.writeHead(200, { 'content-length': length })
        // If the answer will be refused, only its headers have been sent.
        if (!isTaken) return response.flushHeaders()
        for (; sent < length; sent += 1_000_000) response.write(Buffer.alloc(1_000_000))
        response.end()
      },
    })
    const start = performance.now()
    if (isTaken) expect((await get(`${server.url}/path`)).body).toHaveLength(length)
    else await expect(get(`${server.url}/path`)).rejects.toThrow(sentence(server.url))
    expect(performance.now() - start).toBeLessThan(4000)
  })

  test('is not asked for again', async () => {
    await using server = await startWebServer({
      '/v2/': (_, response) => void response.writeHead(200, { 'content-length': '9000000' }).flushHeaders(),
    })
    const client = testClient(new URL(server.url).host, 'tools')
    const get = (): Promise<unknown> => client.getBlob(digestOf(Buffer.from('record')))
    await expect(client.retrying(get)).rejects.toThrow(/ with more than 8 MB, as no registry does/)
    expect(server.requests).toHaveLength(1)
  })

  test('is none where only its length is asked for', async () => {
    await using server = await startWebServer({
      '/v2/': (_, response) => void response.writeHead(200, { 'content-length': '9000000' }).end(),
    })
    const blob = { mediaType: 'x', digest: digestOf(Buffer.from('layer')), size: 9_000_000 }
    expect(await testClient(new URL(server.url).host, 'tools').hasBlob(blob)).toBe(true)
  })
})
