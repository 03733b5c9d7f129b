import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { attack } from '../support/attack.ts'
import { runWithHosts } from '../support/run-with-hosts.ts'
import { startWebServer } from '../support/web-server.ts'

const script = join(import.meta.dirname, '..', 'support', 'upload-process.ts')

/** A server on loopback that nobody else can reach. It counts the connections. */
const startInside = async (host: string) => {
  let visits = 0
  const server = createServer((socket) => {
    visits++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    visits: () => visits,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** A registry that names `place` in its answer to this method. */
const startEvil = (place: string, method: string) =>
  startWebServer({
    '/v2/': (request, response) => {
      request.resume()
      if (request.method === 'POST')
        response.writeHead(202, { location: method === 'POST' ? place : '/v2/tools/upload' })
      else if (request.method === method) response.writeHead(307, { location: place })
      else response.writeHead(request.method === 'PUT' ? 201 : 404)
      response.end()
    },
  })

for (const [name, to] of [
  ['storage.example.org', '127.0.0.1'],
  ['storage.example.org.', '127.0.0.1'],
  ['storage.example.org', '::1'],
  ['storage.example.org', '::ffff:127.0.0.1'],
] as const)
  for (const [what, method] of [
    ['the place of an upload', 'POST'],
    ['where to send a blob', 'PUT'],
    ['where a manifest and a blob are', 'GET'],
  ] as const)
    attack('registry', 'runner', `names ${name}, which leads to ${to}, as ${what}`, async () => {
      await using inside = await startInside(to === '::1' ? '::1' : '127.0.0.1')
      await using evil = await startEvil(`https://${name}:${inside.port}/`, method)
      const printed = await runWithHosts({ [name]: to }, script, [new URL(evil.url).host])
      expect(inside.visits()).toBe(0)
      const sentence = `wants requests to be sent to https://${name}:${inside.port}, which has no HTTPS or leads to a private address; nothing was sent there.`
      expect(printed.split(sentence)).toHaveLength(method === 'GET' ? 3 : 2)
      return true
    })

describe('behind a proxy', () => {
  test('whose own name is private, names are the proxy’s to look up', async () => {
    const asked: string[] = []
    const proxy = createServer((socket) =>
      socket
        .on('error', () => {})
        .once('data', (head) => {
          asked.push(`${head}`.split('\r\n')[0] ?? '')
          socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        }),
    )
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    await using registry = await startEvil('https://storage.example.org/', 'POST')
    const printed = await runWithHosts({ 'proxy.corp': '127.0.0.1' }, script, [new URL(registry.url).host], {
      NODE_USE_ENV_PROXY: '1',
      https_proxy: `http://proxy.corp:${port}`,
      no_proxy: '127.0.0.1',
    })
    proxy.close()
    expect(asked[0]).toBe('CONNECT storage.example.org:443 HTTP/1.1')
    expect(printed).not.toContain('private address')
  })
})
