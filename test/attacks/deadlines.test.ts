import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { exchange, type HttpRequest } from '../../src/registry/http.ts'
import { attack } from '../support/attack.ts'
import { startDrippingServer } from '../support/dripping-server.ts'
import { hurried, testClient } from '../support/pushed-image.ts'
import { testTransport } from '../support/test-transport.ts'
import { startWebServer } from '../support/web-server.ts'

/** In milliseconds: how long nothing may move. An answer may take three times as long in all. */
const idleLimit = 200

/** The error of work that must fail within a few seconds. */
const endOf = async (work: Promise<unknown>): Promise<Error> => {
  const late = Symbol()
  const end = await Promise.race([work.catch((error: unknown) => error), setTimeout(5000, late)])
  if (!(end instanceof Error)) throw new Error(end === late ? 'it waits for ever' : 'it takes this for an answer')
  return end
}

const drips: readonly [string, string | Buffer, readonly (string | Buffer)[], string?][] = [
  ['100 Continue again and again', '', ['HTTP/1.1 100 Continue\r\n\r\n']],
  ['102 Processing again and again', '', ['HTTP/1.1 102 Processing\r\n\r\n']],
  ['103 Early Hints again and again', '', ['HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n']],
  ['101 Switching Protocols and what it likes', 'HTTP/1.1 101 x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', ['x']],
  ['a line of status that has no end', 'HTTP/1.1 200 O', ['K']],
  ['a header that has no end', 'HTTP/1.1 200 OK\r\nx: ', ['x']],
  ['headers that have no end', 'HTTP/1.1 200 OK\r\n', ['x: y\r\n']],
  ['a body of a known length, byte by byte', 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n', ['x']],
  ['a body without a length, byte by byte', 'HTTP/1.1 200 OK\r\n\r\n', ['x']],
  ['chunks, byte by byte', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', ['1\r\nx\r\n']],
  ['the size of a chunk, byte by byte', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', ['0']],
  ['what may follow the size of a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;', ['x']],
  ['trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n', ['x: y\r\n']],
  ['a refusal whose body has no end', 'HTTP/1.1 503 Busy\r\n\r\n', ['x']],
  ['a redirect whose body has no end', 'HTTP/1.1 307 x\r\nlocation: /x\r\n\r\n', ['x']],
  ['nothing of a TLS handshake', '', [''], 'https'],
  ['a TLS handshake, byte by byte', Buffer.from([22, 3, 3, 64, 0]), [Buffer.from([2])], 'https'],
  ['TLS records again and again', '', [Buffer.from([22, 3, 3, 0, 1, 0])], 'https'],
]

for (const [name, begin, drip, protocol = 'http'] of drips)
  attack('registry', 'end of the run', `says ${name}`, async () => {
    await using server = await startDrippingServer(begin, drip)
    const request: HttpRequest = {
      method: 'GET',
      url: new URL(`${protocol}://127.0.0.1:${server.port}/`),
      expected: [200],
    }
    const error = await endOf(exchange(request, testTransport({ idleLimit })))
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+ does not answer \(/)
    return true
  })

/** Starts a server that reads so many bytes at a time, and meanwhile sends `says`. */
const slowReader = (bytes: number, every: number, says = '') =>
  startDrippingServer('', (socket) => {
    socket.pause()
    const timer = setInterval(() => {
      if (says) socket.write(says)
      socket.read(bytes)
    }, every)
    socket.on('close', () => clearInterval(timer))
  })

for (const [name, bytes, says] of [
  ['one byte', 1, ''],
  ['one byte, and says 102 meanwhile', 1, 'HTTP/1.1 102 Processing\r\n\r\n'],
  ['some kilobytes, and says 102 meanwhile', 4096, 'HTTP/1.1 102 Processing\r\n\r\n'],
] as const)
  attack('registry', 'end of the run', `reads a blob that is sent ${name} at a time`, async () => {
    await using server = await slowReader(bytes, 50, says)
    const url = new URL(`http://127.0.0.1:${server.port}/`)
    const body = Buffer.alloc(30_000_000)
    await endOf(exchange({ method: 'PUT', url, body, expected: [201] }, testTransport({ idleLimit })))
    return true
  })

attack('registry', 'end of the run', 'takes all of a blob, and says 102 again and again', async () => {
  await using server = await startDrippingServer('', (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 50)
    socket.resume().on('close', () => clearInterval(timer))
  })
  const url = new URL(`http://127.0.0.1:${server.port}/`)
  await endOf(
    exchange({ method: 'PUT', url, body: Buffer.alloc(2_000_000), expected: [201] }, testTransport({ idleLimit })),
  )
  return true
})

const justInTime = (answer: () => void): void => void globalThis.setTimeout(answer, 450)

attack('registry', 'end of the run', 'sends a question on and on, each time just in time', async () => {
  await using server = await startWebServer({
    '/v2/': (_, response) => {
      response.writeEarlyHints({ link: '</x>' })
      const timer = setInterval(() => response.writeEarlyHints({ link: '</x>' }), 100)
      justInTime(() => {
        clearInterval(timer)
        response.writeHead(307, { location: '/v2/again' }).end()
      })
    },
  })
  const start = performance.now()
  await endOf(testClient(new URL(server.url).host, 'tools', { clock: hurried(200, idleLimit) }).resolve('v1'))
  expect(performance.now() - start).toBeLessThan(1500)
  return true
})

attack('registry', 'end of the run', 'has a token server that says a token byte by byte', async () => {
  await using tokens = await startDrippingServer('HTTP/1.1 200 OK\r\n\r\n{"token":"', ['x'])
  await using server = await startWebServer({
    '/v2/': (_, response) =>
      void response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://127.0.0.1:${tokens.port}/token"` })
        .end(),
  })
  const client = testClient(new URL(server.url).host, 'tools', { clock: hurried(200, idleLimit) })
  expect((await endOf(client.resolve('v1'))).message).toMatch(/does not answer \(hardly anything moved for 0\.6 s\)/)
  return true
})

attack('registry', 'end of the run', 'drips into every try of a push', async () => {
  await using server = await startDrippingServer('', ['HTTP/1.1 102 Processing\r\n\r\n'])
  const client = testClient(`127.0.0.1:${server.port}`, 'tools', { clock: hurried(200, 50) })
  expect((await endOf(client.retrying(() => client.checkAccess()))).message).toMatch(/does not answer/)
  return true
})

attack('registry', 'end of the run', 'names a place for an upload that drips', async () => {
  await using place = await startDrippingServer('', ['HTTP/1.1 100 Continue\r\n\r\n'])
  await using server = await startWebServer({
    '/v2/': (_, response) => void response.writeHead(202, { location: `http://127.0.0.1:${place.port}/upload` }).end(),
  })
  const client = testClient(new URL(server.url).host, 'tools', { clock: hurried(200, idleLimit) })
  const descriptor = { mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, size: 4 } as const
  await endOf(client.putBlob(descriptor, Buffer.from('data')))
  return true
})
