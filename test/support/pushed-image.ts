import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import { type Image, image } from '../../src/oci/image.ts'
import { imageManifestMediaType, layerMediaType } from '../../src/oci/media-type.ts'
import { type LayerFile, type MovedTag, pushImage, pushLayer, pushTags } from '../../src/registry/push.ts'
import { RepositoryClient } from '../../src/registry/repository.ts'

/** An image whose layers are files of meaningless bytes. */
export type TestImage = { readonly image: Image; readonly layers: readonly LayerFile[] }

/** Makes an image. The same `seed` gives the same image. `sizes` are the sizes of its layers, in bytes. */
export const testImage = async (folder: string, seed: string, sizes: readonly number[]): Promise<TestImage> => {
  const layers = await Promise.all(
    sizes.map(async (size, index) => {
      const start = createHash('sha256').update(`${seed} ${index}`).digest()
      const bytes = Buffer.alloc(size, start)
      const file = join(folder, `${seed}-${index}`)
      await writeFile(file, bytes)
      const descriptor = { mediaType: layerMediaType('none'), digest: digestOf(bytes), size }
      return { file, descriptor, diffID: descriptor.digest, holds: '' }
    }),
  )
  return {
    layers,
    image: image(layers, { architecture: 'amd64', created: '1970-01-01T00:00:01Z', env: { SEED: seed } }),
  }
}

/** A clock whose waits and limits are all shorter by this factor. */
export const hurried = (factor: number, idleLimit = systemClock.idleLimit / factor): Clock => ({
  idleLimit,
  now: () => systemClock.now() * factor,
  wallClock: systemClock.wallClock,
  sleep: (time, signal) => setTimeout(time / factor, undefined, { signal }),
  random: systemClock.random,
})

export type PushOptions = {
  readonly clock?: Clock
  readonly credentials?: { readonly username: string; readonly password: string }
  readonly signal?: AbortSignal
  readonly secrets?: string[]
  readonly log?: { readonly info: (message: string) => void }
}

/** A client like that of a run, but with a hurried clock. */
export const testClient = (host: string, name: string, options: PushOptions = {}): RepositoryClient => {
  const { clock = hurried(200, 500), credentials, signal = new AbortController().signal, secrets = [] } = options
  const { log = { info: () => {} } } = options
  const ports = { signal, log, secret: (value: string) => void secrets.push(value) }
  return new RepositoryClient({ registry: host, name }, credentials, ports, clock)
}

/** Pushes as a run does: the layers in parallel, then the image, then the tags. */
export const push = async (
  client: RepositoryClient,
  { image, layers }: TestImage,
  tags: readonly string[] = ['v1'],
): Promise<MovedTag[]> => {
  await client.checkAccess()
  const send = async (digest: Digest): Promise<void> => {
    const layer = layers.find(({ descriptor }) => descriptor.digest === digest)
    if (layer) await pushLayer(client, layer)
  }
  const results = await Promise.allSettled(layers.map(({ descriptor }) => send(descriptor.digest)))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const pushImages = (): Promise<void> => pushImage(client, image, ({ digest }) => send(digest))
  await pushImages()
  return pushTags(client, image.manifest, tags, pushImages)
}

/** The digest of what the registry serves under a tag. Throws an `Error` if a blob of it is missing or wrong. */
export const pulledDigest = async (host: string, name: string, tag: string): Promise<string> => {
  const get = async (path: string, tries = 3): Promise<Buffer> => {
    const response = await fetch(`http://${host}/v2/${name}/${path}`, { headers: { accept: imageManifestMediaType } })
    // Debian's registry writes a tag in two steps, and may still be writing for a request whose connection is gone.
    if (response.status === 500 && tries > 1) return setTimeout(100).then(() => get(path, tries - 1))
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  }
  const bytes = await get(`manifests/${tag}`)
  const manifest = JSON.parse(bytes.toString()) as { config: { digest: string }; layers: { digest: string }[] }
  for (const { digest } of [manifest.config, ...manifest.layers])
    if (digestOf(await get(`blobs/${digest}`)) !== digest) throw new Error(`the blob ${digest} has other bytes`)
  return digestOf(bytes)
}
