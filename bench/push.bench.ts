import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from '../src/archive/write-layout.ts'
import { limiter } from '../src/concurrent.ts'
import type { StorePath } from '../src/nix/store-path.ts'
import { image } from '../src/oci/image.ts'
import { pushImage, pushLayer, pushTags } from '../src/registry/push.ts'
import { RepositoryClient } from '../src/registry/repository.ts'
import { output } from '../test/support/process.ts'
import { startRegistry } from '../test/support/registry.ts'
import { realClosure } from './closure.ts'
import { compare } from './measure.ts'

/**
 * Packing, compressing and pushing an image of 16 layers, beside skopeo, which compresses and pushes the same layers from
 * an image layout in which they are packed already.
 */

const { paths, bytes } = await realClosure(['gcc', 'python3', 'git', 'perl'])
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
const groups: StorePath[][] = Array.from({ length: 16 }, () => [])
for (const [index, path] of paths.entries()) groups[index % 16]?.push(path)
const settings = { architecture: 'amd64', created: '1970-01-01T00:00:01Z' } as const
const packing = limiter(2)
const pack = (name: string, algorithm: 'gzip' | 'zstd' | 'none', level: number) =>
  groups.map(async (group, index) => ({
    ...(await packing(() =>
      writeLayer(tar(storePathsTree(group)), join(folder, `${name}-${index}`), { algorithm, level }),
    )),
    holds: '',
  }))

const layout = join(folder, 'layout')
await prepareLayout(layout)
const plain = await Promise.all(pack('plain', 'none', 0))
for (const layer of plain) await addLayerToLayout(layout, layer)
const plainImage = image(plain, settings)
await writeLayout(layout, [plainImage], plainImage.manifest, ['image'])

await using registry = await startRegistry()
let run = 0
const { signal } = new AbortController()
const own = (algorithm: 'gzip' | 'zstd', level: number) => async (): Promise<void> => {
  const client = new RepositoryClient({ registry: registry.host, name: `own-${run++}` }, undefined, {
    secret: () => {},
    signal,
  })
  const layers = await Promise.all(
    pack('own', algorithm, level).map(async (packed) => {
      const layer = await packed
      await pushLayer(client, layer)
      return layer
    }),
  )
  const pushed = image(layers, settings)
  await pushImage(client, pushed, async () => {})
  await pushTags(client, pushed.manifest, ['v1'], async () => {})
}
const skopeo = (algorithm: string, level: number) => async (): Promise<void> => {
  const options = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', '--dest-no-creds']
  const compression = ['--dest-compress-format', algorithm, '--dest-compress-level', `${level}`]
  const from = `oci:${layout}:image`
  const to = `docker://${registry.host}/skopeo-${run++}:v1`
  // Without a memory of the blobs that it has compressed before.
  const forget = 'mkdir -p /var/lib/containers; mount -t tmpfs tmpfs /var/lib/containers; exec "$@"'
  const skopeo = ['skopeo', ...options, ...compression, from, to]
  await output('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', forget, '-', ...skopeo])
}

console.log(`gcc, python3, git and perl: ${(bytes / 1e6).toFixed(0)} MB in 16 layers`)
for (const [algorithm, level] of [
  ['gzip', 6],
  ['zstd', 3],
] as const)
  await compare(`${algorithm} ${level}, into a registry on loopback`, [
    { name: 'skopeo copy (compress and push)', work: skopeo(algorithm, level) },
    { name: 'this action (pack, compress and push)', work: own(algorithm, level) },
  ])
await rm(folder, { recursive: true })
