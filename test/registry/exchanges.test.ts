import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentOf } from '../../src/oci/descriptor.ts'
import { hasLayer, pushIndex, pushTagged, pushTags } from '../../src/registry/push.ts'
import { push, type TestImage, testClient, testImage } from '../support/pushed-image.ts'
import { startStrictRegistry } from '../support/strict-registry.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer } from '../support/web-server.ts'

let folder: TemporaryFolder
let image: TestImage
beforeAll(async () => {
  folder = await temporaryFolder('exchanges')
  image = await testImage(folder.path, 'image', [5000, 300_000])
})
afterAll(() => folder[Symbol.asyncDispose]())

const document = documentOf('application/vnd.oci.image.manifest.v1+json', '{"schemaVersion":2}')
const { digest } = document.descriptor

/** Starts a registry that answers these methods, and all others with 200 and `{}`. */
const startAnswering = async (
  answers: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>,
) => {
  const server = await startWebServer({
    '/v2/': (request, response) => {
      const answer = answers[request.method ?? '']
      if (request.method === 'PUT') request.resume()
      if (answer) answer(request, response)
      else response.end('{}')
    },
  })
  const client = testClient(new URL(server.url).host, 'tools')
  const asked = (method: string): number => server.requests.filter((request) => request.method === method).length
  return { client, server, asked, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

test('what a run has asked and sent is counted to the byte, what it leaves too', async () => {
  await using registry = await startStrictRegistry()
  const client = testClient(registry.host, 'tools')
  await push(client, image)
  const { config, manifest } = image.image
  const bodies = [...image.layers, config].reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  // The manifest is sent under its digest and under its tag.
  expect(client.bytesSent).toBe(bodies + 2 * manifest.bytes.length)
  expect(client.requests).toBe(registry.requests.length)
  expect(registry.requests.filter((line) => line.startsWith('DELETE'))).toHaveLength(1)
})

test('a request for a token is counted as well', async () => {
  await using server = await startWebServer({
    '/token': '{"token":"fresh"}',
    '/v2/': (request, response) =>
      void response
        .writeHead(request.headers.authorization ? 404 : 401, {
          'www-authenticate': `Bearer realm="http://${request.headers.host}/token"`,
        })
        .end(),
  })
  const client = testClient(new URL(server.url).host, 'tools')
  await client.resolve('v1')
  expect([client.requests, server.requests.length]).toEqual([3, 3])
})

describe('a blob that is read', () => {
  test('is the one that was asked for', async () => {
    await using registry = await startAnswering({
      GET: (request, response) => void response.end(request.url?.endsWith(digest) ? document.bytes : 'another'),
    })
    expect(`${await registry.client.getBlob(digest)}`).toBe('{"schemaVersion":2}')
    expect(registry.server.requests).toEqual([expect.objectContaining({ path: `/v2/tools/blobs/${digest}` })])
  })

  test('is no other', async () => {
    await using registry = await startAnswering({})
    await expect(registry.client.getBlob(digest)).rejects.toThrow(
      / gives sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a where sha256:\w+ was asked for, so the image cannot be relied on/,
    )
  })

  test('and that is not there is an error', async () => {
    await using registry = await startAnswering({ GET: (_, response) => void response.writeHead(404).end() })
    await expect(registry.client.getBlob(digest)).rejects.toThrow(/does not know 127\.0\.0\.1:\d+\/tools; make that/)
  })
})

test('a manifest is asked for in the forms that are understood', async () => {
  let accept: string | undefined
  await using registry = await startAnswering({
    GET: (request, response) => {
      accept = request.headers.accept
      response.writeHead(request.url?.endsWith('/v1') ? 200 : 404).end(document.bytes)
    },
  })
  expect(`${await registry.client.getManifest('v1')}`).toBe('{"schemaVersion":2}')
  expect(accept).toBe('application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json')
  expect(await registry.client.getManifest('v2')).toBeUndefined()
})

test('a manifest that is pushed under a tag alone is there with its configuration', async () => {
  await using registry = await startStrictRegistry()
  const client = testClient(registry.host, 'tools')
  await push(client, image)
  const config = documentOf('application/json', '{"record":1}')
  const manifest = documentOf(
    'application/vnd.oci.image.manifest.v1+json',
    JSON.stringify({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config.descriptor,
      layers: [],
    }),
  )
  await pushTagged(client, { config, manifest }, 'nix-record')
  expect(registry.blobs.get(config.descriptor.digest)).toEqual(config.bytes)
  expect(registry.manifests.get('nix-record')).toEqual(manifest.bytes)
  expect(registry.requests.at(-1)).toBe('PUT /v2/tools/manifests/nix-record')
})

describe('a manifest that is refused', () => {
  /** Answers PUT with a status. `kept` is the digest that it then has. */
  const refusing = (status: number, kept: string | undefined) =>
    startAnswering({
      PUT: (_, response) => void response.writeHead(status).end('no'),
      HEAD: (_, response) =>
        void (kept ? response.writeHead(200, { 'docker-content-digest': kept }) : response.writeHead(404)).end(),
    })
  const never = (): Promise<void> => Promise.reject(new Error('nothing is missing'))

  test.each([400, 403, 409, 499])(
    'with %d is taken for one that another job was faster with, where it is there',
    async (status) => {
      await using registry = await refusing(status, digest)
      await pushIndex(registry.client, document, never)
      expect([registry.asked('PUT'), registry.asked('HEAD')]).toEqual([1, 1])
    },
  )

  test.each([409, 400])('with %d is an error, where it is not there or is another', async (status) => {
    for (const kept of [undefined, `sha256:${'0'.repeat(64)}`]) {
      await using registry = await refusing(status, kept)
      await expect(pushIndex(registry.client, document, never)).rejects.toThrow(
        /refuses what was sent: PUT .* answered 4/,
      )
      expect(registry.asked('PUT')).toBe(1)
    }
  })

  test.each([429, 500, 503])('with %d is put again, and nobody is asked whether it is there', async (status) => {
    await using registry = await refusing(status, digest)
    await expect(pushIndex(registry.client, document, never)).rejects.toThrow(/limits how often|is out of order/)
    expect([registry.asked('PUT'), registry.asked('HEAD')]).toEqual([8, 0])
  })

  test('and of which nobody can say whether it is there, is refused for the first reason', async () => {
    await using registry = await startAnswering({
      PUT: (_, response) => void response.writeHead(409).end('taken'),
      HEAD: (_, response) => void response.writeHead(400).end(),
    })
    await expect(pushIndex(registry.client, document, never)).rejects.toThrow(/answered 409 taken/)
  })

  test('since something is missing is put again once that was sent', async () => {
    let isThere = false
    await using registry = await startAnswering({
      PUT: (_, response) =>
        void response.writeHead(isThere ? 201 : 400).end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'),
    })
    await pushIndex(registry.client, document, async () => {
      isThere = true
    })
    expect(registry.asked('PUT')).toBe(2)
  })

  test('again and again since something is missing is refused in the end', async () => {
    let repairs = 0
    await using registry = await startAnswering({
      PUT: (_, response) => void response.writeHead(400).end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'),
    })
    const repair = async (): Promise<void> => {
      repairs++
    }
    await expect(pushIndex(registry.client, document, repair)).rejects.toThrow(/MANIFEST_BLOB_UNKNOWN/)
    expect([repairs, registry.asked('PUT')]).toEqual([1, 2])
  })

  test('with a digest that the registry mistakes is put four times', async () => {
    await using registry = await startAnswering({
      PUT: (_, response) => void response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}'),
      HEAD: (_, response) => void response.writeHead(404).end(),
    })
    await expect(pushIndex(registry.client, document, never)).rejects.toThrow(/DIGEST_INVALID/)
    expect(registry.asked('PUT')).toBe(4)
  })
})

describe('a tag', () => {
  const other = `sha256:${'1'.repeat(64)}`
  const never = (): Promise<void> => Promise.reject(new Error('nothing is missing'))
  const naming = (names: (path: string, puts: number) => string | undefined) => {
    let puts = 0
    return startAnswering({
      PUT: (_, response) => {
        puts++
        response.writeHead(201).end()
      },
      HEAD: (request, response) => {
        const named = names((request.url ?? '').replace(/.*\//, ''), puts)
        response.writeHead(named ? 200 : 404, named ? { 'docker-content-digest': named } : {}).end()
      },
    })
  }

  test('does not move where the registry has another image under the digest', async () => {
    await using registry = await naming(() => other)
    await expect(pushTags(registry.client, document, ['v1'], never)).rejects.toThrow(
      ` has ${other} as ${digest}, so the image cannot be relied on`,
    )
    expect(registry.asked('PUT')).toBe(0)
  })

  test('that the registry loses is asked for again, and then an error', async () => {
    await using registry = await naming((reference) => (reference === digest ? digest : undefined))
    await expect(pushTags(registry.client, document, ['v1'], never)).rejects.toThrow(
      /took v1 and does not have it; run the job again\.$/,
    )
    expect(registry.asked('PUT')).toBe(1)
  })

  test('that another job has set meanwhile is that job’s, if its image is there', async () => {
    await using registry = await naming((reference, puts) => {
      if (reference !== 'v1') return reference
      return puts === 0 ? undefined : other
    })
    expect(await pushTags(registry.client, document, ['v1'], never)).toEqual([
      { tag: 'v1', from: undefined, rival: other },
    ])
  })

  test('that names what nobody has is an error', async () => {
    await using registry = await naming((reference, puts) => {
      if (reference === digest) return digest
      return reference === 'v1' && puts > 0 ? other : undefined
    })
    await expect(pushTags(registry.client, document, ['v1'], never)).rejects.toThrow(
      ` names ${other} as v1, and does not have it, so the image cannot be relied on`,
    )
  })
})

test('a question for a layer is asked again after a fault that passes', async () => {
  let asked = 0
  await using registry = await startAnswering({
    HEAD: (_, response) => void response.writeHead(asked++ === 0 ? 503 : 404).end(),
  })
  expect(await hasLayer(registry.client, document.descriptor)).toBe(false)
  expect(asked).toBe(2)
})

test('an upload that is cancelled is left, and one that fails is not', async () => {
  for (const isCancelled of [true, false]) {
    const cancel = new AbortController()
    await using server = await startWebServer({
      '/v2/': (request, response) => {
        request.resume()
        if (request.method === 'POST') response.writeHead(202, { location: '/v2/tools/blobs/uploads/1' }).end()
        else if (request.method === 'PUT' && !isCancelled) response.writeHead(400).end()
        else if (request.method === 'PUT') cancel.abort(new Error('cancelled'))
        else response.end()
      },
    })
    const client = testClient(new URL(server.url).host, 'tools', { signal: cancel.signal })
    await expect(client.putBlob(document.descriptor, document.bytes)).rejects.toThrow(isCancelled ? 'cancelled' : '400')
    await setTimeout(50)
    expect(server.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(isCancelled ? 1 : 0)
  }
})

test('a registry that does not answer when an upload is left is not waited for', async () => {
  await using registry = await startAnswering({
    POST: (_, response) => void response.writeHead(202, { location: '/v2/tools/blobs/uploads/1' }).end(),
    DELETE: () => {},
  })
  const start = performance.now()
  await registry.client.checkAccess()
  expect(performance.now() - start).toBeLessThan(5000)
  expect(registry.asked('DELETE')).toBe(1)
})
