import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import { limiter } from '../src/lib/concurrent.ts'
import type { StorePath } from '../src/nix/store-path.ts'
import type { Descriptor } from '../src/oci/descriptor.ts'
import { image } from '../src/oci/image.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from '../src/publish/write-layout.ts'
import { pushImage, pushLayer, pushTags } from '../src/registry/push.ts'
import { RepositoryClient } from '../src/registry/repository.ts'
import { layoutContent } from '../test/support/layout-content.ts'
import { output } from '../test/support/process.ts'
import { startRegistry } from '../test/support/registry.ts'
import { realClosure } from './closure.ts'
import { type Contender, compare } from './measure.ts'

/**
 * Packs, compresses and pushes an image of 16 layers, beside skopeo, which compresses and pushes the same layers from
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
await prepareLayout(layout, layout)
const plain = await Promise.all(pack('plain', 'none', 0))
for (const layer of plain) await addLayerToLayout(layout, layer)
const plainImage = image(plain, settings)
await writeLayout(layout, layoutContent(plainImage, 'image'))

await using registry = await startRegistry()
let run = 0
/** Bytes of the layers of an image in the registry. */
const sizeOf = async (name: string): Promise<number> => {
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/v1`, { headers: { accept } })
  const { layers } = (await answer.json()) as { layers: Descriptor[] }
  return layers.reduce((total, { size }) => total + size, 0)
}
const { signal } = new AbortController()
const own = (algorithm: 'gzip' | 'zstd', level: number): Contender => {
  let name = ''
  const work = async (): Promise<void> => {
    name = `own-${run++}`
    const client = new RepositoryClient({ registry: registry.host, name }, undefined, {
      log: { info: () => {} },
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
  return { name: `this action, level ${level} (pack, compress and push)`, work, size: () => sizeOf(name) }
}
const skopeo = (algorithm: string, level: number): Contender => {
  let name = ''
  const work = async (): Promise<void> => {
    name = `skopeo-${run++}`
    const options = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', '--dest-no-creds']
    const compression = ['--dest-compress-format', algorithm, '--dest-compress-level', `${level}`]
    // Each copy starts without skopeo's record of the blobs that it compressed before.
    const forget = 'mkdir -p /var/lib/containers; mount -t tmpfs tmpfs /var/lib/containers; exec "$@"'
    const copy = [...options, ...compression, `oci:${layout}:image`, `docker://${registry.host}/${name}:v1`]
    await output('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', forget, '-', 'skopeo', ...copy])
  }
  return { name: `skopeo copy, level ${level} (compress and push)`, work, size: () => sizeOf(name) }
}

/**
 * The level of this action that gives the size nearest to `size`. The compressors of skopeo number their levels
 * differently.
 */
const levelOfSize = async (algorithm: 'gzip' | 'zstd', levels: readonly number[], size: number): Promise<number> => {
  const distances: { level: number; distance: number }[] = []
  for (const level of levels) {
    const layers = await Promise.all(pack('level', algorithm, level))
    const total = layers.reduce((total, { descriptor }) => total + descriptor.size, 0)
    distances.push({ level, distance: Math.abs(total - size) })
  }
  return distances.sort((a, b) => a.distance - b.distance)[0]?.level ?? 0
}

console.log(`gcc, python3, git and perl: ${(bytes / 1e6).toFixed(0)} MB in 16 layers`)
for (const [algorithm, level, levels] of [
  ['gzip', 6, [1, 2, 3, 4, 5, 6]],
  ['zstd', 3, [2, 3, 4, 5, 6]],
] as const) {
  const peer = skopeo(algorithm, level)
  await compare(`${algorithm} at the same number of level, into a registry on loopback`, [peer, own(algorithm, level)])
  const nearest = await levelOfSize(algorithm, levels, (await peer.size?.()) ?? 0)
  if (nearest !== level)
    await compare(`${algorithm} at the level that gives the nearest size`, [peer, own(algorithm, nearest)])
}
await rm(folder, { recursive: true })
