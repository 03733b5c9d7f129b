import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack } from '../support/attack.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { runWithHosts } from '../support/run-with-hosts.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

const script = join(import.meta.dirname, '..', 'support', 'access-process.ts')
const hosts = {
  'registry.example.org': '127.0.0.1',
  'gives.example.org': '127.0.0.1',
  'other.example.org': '127.0.0.1',
}

let folder: TemporaryFolder
let certificates: Certificates
beforeAll(async () => {
  folder = await temporaryFolder('token-servers')
  certificates = await makeCertificates()
  await writeFile(join(folder.path, 'authority.crt'), certificates.authority)
})
afterAll(() => folder[Symbol.asyncDispose]())

const portOf = ({ url }: WebServer): string => new URL(url).port

const startTokens = (tls: boolean = true) =>
  startWebServer({ '/token': '{"token":"bearer-secret"}' }, tls ? certificates : undefined)

/** A registry that asks for tokens of this realm, and wants uploads to be sent to `place`. */
const startNaming = (realm: string, place = '/v2/tools/upload') =>
  startWebServer(
    {
      '/v2/': (request, response) => {
        request.resume()
        if (request.headers.authorization !== 'Bearer bearer-secret')
          response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="tokens"` })
        else response.writeHead(request.method === 'POST' ? 202 : 204, { location: place })
        response.end()
      },
    },
    certificates,
  )

/** What a client says that may send its credentials to `tokenHosts`. */
const ask = (registry: WebServer, ...tokenHosts: string[]): Promise<string> =>
  runWithHosts(hosts, script, [`registry.example.org:${portOf(registry)}`, ...tokenHosts], {
    NODE_EXTRA_CA_CERTS: join(folder.path, 'authority.crt'),
  })

test('a host in `token-hosts` gets the credentials, even on a private network', async () => {
  await using tokens = await startTokens()
  const host = `gives.example.org:${portOf(tokens)}`
  await using registry = await startNaming(`https://${host}/token`)
  expect(await ask(registry, 'unused.example.org', host)).toBe('done\n')
  expect(tokens.requests.map(({ authorization }) => authorization)).toEqual([`Basic ${btoa('me:secret')}`])
})

const strangers: readonly [string, (port: string) => readonly string[], boolean][] = [
  ['no host may get them', () => [], true],
  ['another host may get them', (port) => [`other.example.org:${port}`], true],
  ['the host above it may get them', (port) => [`example.org:${port}`], true],
  [
    'the same host at another port may get them',
    (port) => ['gives.example.org', `gives.example.org:${+port + 1}`],
    true,
  ],
  ['the same host may get them with HTTPS, and it has none', (port) => [`gives.example.org:${port}`], false],
]
for (const [name, tokenHosts, tls] of strangers)
  attack('registry', 'credentials', `names a token server where ${name}`, async () => {
    await using tokens = await startTokens(tls)
    const host = `gives.example.org:${portOf(tokens)}`
    const realm = `${tls ? 'https' : 'http'}://${host}`
    await using registry = await startNaming(`${realm}/token`)
    const advice = tls
      ? `If that host gives the tokens of this registry, write \`token-hosts: ${host}\`.`
      : 'Let it name its token server with https.'
    expect(await ask(registry, ...tokenHosts(portOf(tokens)))).toBe(
      `registry.example.org:${portOf(registry)} asks for its credentials to be sent to ${realm}, which is not that registry; they were not sent. ${advice}\n`,
    )
    expect(tokens.requests).toEqual([])
    return true
  })

for (const status of [302, 307, 308])
  attack('registry', 'credentials', `has a token server that may get them and answers ${status}`, async () => {
    await using other = await startTokens()
    await using tokens = await startWebServer(
      {
        '/token': (_, response) =>
          void response.writeHead(status, { location: `https://other.example.org:${portOf(other)}/token` }).end(),
      },
      certificates,
    )
    const host = `gives.example.org:${portOf(tokens)}`
    await using registry = await startNaming(`https://${host}/token`)
    expect(await ask(registry, host, `other.example.org:${portOf(other)}`)).toContain(`answered ${status}`)
    expect(other.requests).toEqual([])
    return true
  })

attack('registry', 'credentials', 'wants uploads to be sent to a host that may get them for a token', async () => {
  await using tokens = await startTokens()
  const host = `gives.example.org:${portOf(tokens)}`
  await using registry = await startNaming(`https://${host}/token`, `https://${host}/upload`)
  // The upload is left at once, by a request to its place. A private address is no place for one.
  expect(await ask(registry, host)).toBe('done\n')
  expect(tokens.requests.map(({ path }) => path)).toEqual(['/token'])
  return false
})
