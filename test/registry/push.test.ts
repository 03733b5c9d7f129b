import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as send } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { image } from '../../src/oci/image.ts'
import { layerMediaType } from '../../src/oci/media-type.ts'
import { pushImage, pushLayer, pushTags } from '../../src/registry/push.ts'
import { RepositoryClient } from '../../src/registry/repository.ts'
import { manifestDigest, type Registry, startRegistry } from '../support/registry.ts'
import { startWebServer } from '../support/web-server.ts'

let registry: Registry
let folder: string
const bytes = Buffer.alloc(300_000, 'layer')
const layer = () => ({
  file: join(folder, 'layer'),
  diffID: digestOf(bytes),
  holds: '',
  descriptor: { mediaType: layerMediaType('none'), digest: digestOf(bytes), size: bytes.length },
})

beforeAll(async () => {
  registry = await startRegistry()
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  await writeFile(join(folder, 'layer'), bytes)
})
afterAll(() => Promise.all([registry.stop(), rm(folder, { recursive: true })]))

/** What is in front of the registry does to the first request of a kind. */
type Fault = '503' | '429' | 'reset' | 'answer lost'

/** The real registry behind a proxy that has one fault at the first request that fits. */
const withFault = (fault: Fault, fits: (method: string, url: string) => boolean) => {
  let faults = 1
  return startWebServer({
    '/': (incoming, response) => {
      const hit = faults > 0 && fits(incoming.method ?? '', incoming.url ?? '')
      if (hit) faults--
      if (hit && fault === 'reset') return void incoming.socket.destroy()
      if (hit && fault !== 'answer lost') {
        incoming.resume()
        return void response.writeHead(Number(fault), { 'retry-after': '0', connection: 'close' }).end()
      }
      const outgoing = send(
        `http://${registry.host}${incoming.url}`,
        { method: incoming.method, headers: { ...incoming.headers } },
        (answer) => {
          if (hit) return void incoming.socket.destroy()
          response.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(response)
        },
      )
      incoming.pipe(outgoing)
    },
  })
}

const kinds: [string, (method: string, url: string) => boolean][] = [
  ['question for a blob', (method, url) => method === 'HEAD' && url.includes('/blobs/')],
  ['start of an upload', (method) => method === 'POST'],
  ['upload', (method, url) => method === 'PUT' && url.includes('/blobs/')],
  ['manifest', (method, url) => method === 'PUT' && url.includes('/manifests/sha256')],
  ['tag', (method, url) => method === 'PUT' && url.endsWith('/manifests/v1')],
]
const faults: Fault[] = ['503', '429', 'reset', 'answer lost']

test.each(kinds.flatMap(([kind, fits]) => faults.map((fault) => [fault, kind, fits] as const)))(
  '%s at the first %s does not end a push',
  async (fault, kind, fits) => {
    await using proxy = await withFault(fault, fits)
    const name = `${fault}-${kind}`.replaceAll(/[^a-z0-9]+/g, '-')
    const repository = { registry: new URL(proxy.url).host, name }
    const client = new RepositoryClient(repository, undefined, {
      secret: () => {},
      signal: new AbortController().signal,
    })
    await pushLayer(client, layer())
    const pushed = image([layer()], { architecture: 'amd64', created: '1970-01-01T00:00:01Z' })
    await pushImage(client, pushed)
    await pushTags(client, pushed.manifest, ['v1'])
    expect(await manifestDigest(registry, name, 'v1')).toBe(pushed.manifest.descriptor.digest)
  },
)
