import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { need, output } from './process.ts'

export type ShellImageOptions = {
  readonly compression?: 'gzip' | 'zstd'
  /** OCI's names: `amd64`, `arm64`. More than one makes an index; every image has this machine's shell. */
  readonly architectures?: readonly string[]
  readonly config?: Readonly<Record<string, unknown>>
}

const tag = 'org.opencontainers.image.ref.name'

/**
 * Writes an OCI image layout into `folder`: one layer with this machine's `/bin/sh` and the libraries that it needs,
 * tagged with each of `tags`. Resolves to the digest that the tags name.
 */
export const writeShellImage = async (
  folder: string,
  tags: readonly string[],
  { compression = 'gzip', architectures = [machine], config = {} }: ShellImageOptions = {},
): Promise<string> => {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true })
  const tar = await shellLayer(folder)
  const compressed = compression === 'gzip' ? gzipSync(tar) : zstdCompressSync(tar)
  const layer = await writeBlob(folder, `application/vnd.oci.image.layer.v1.tar+${compression}`, compressed)
  const images = await Promise.all(
    architectures.map(async (architecture) => {
      const image = await writeJson(folder, 'application/vnd.oci.image.config.v1+json', {
        architecture,
        os: 'linux',
        config,
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      })
      const manifest = await writeJson(folder, 'application/vnd.oci.image.manifest.v1+json', {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: image,
        layers: [layer],
      })
      return { ...manifest, platform: { architecture, os: 'linux' } }
    }),
  )
  const index = (manifests: readonly unknown[]) => ({ schemaVersion: 2, mediaType: indexMediaType, manifests })
  const [only, ...others] = images
  const top = only && others.length === 0 ? only : await writeJson(folder, indexMediaType, index(images))
  const tagged = index(tags.map((name) => ({ ...top, annotations: { [tag]: name } })))
  await writeFile(join(folder, 'index.json'), JSON.stringify(tagged))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return top.digest
}

const indexMediaType = 'application/vnd.oci.image.index.v1+json'
const machine = process.arch === 'x64' ? 'amd64' : process.arch

const shellLayer = async (folder: string): Promise<Buffer> => {
  const libraries = await output(need('ldd', 'libc-bin'), ['/bin/sh'])
  const paths = [...libraries.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path]) => path ?? '')
  const file = join(folder, 'layer.tar')
  const members = ['/bin/sh', ...paths].map((path) => path.slice(1))
  await output(need('tar', 'tar'), ['--create', '--file', file, '--dereference', '--directory', '/', ...members])
  return readFile(file)
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const writeBlob = async (folder: string, mediaType: string, bytes: Buffer) => {
  const digest = digestOf(bytes)
  await writeFile(join(folder, 'blobs', ...digest.split(':')), bytes)
  return { mediaType, digest, size: bytes.length }
}

const writeJson = (folder: string, mediaType: string, content: unknown) =>
  writeBlob(folder, mediaType, Buffer.from(JSON.stringify(content)))
