import { checkClosure } from '../../src/graph/closure.ts'
import type { Package } from '../../src/nix/image-spec.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { digestOf } from '../../src/oci/descriptor.ts'
import { type ImageLayer, image } from '../../src/oci/image.ts'
import type { Outcome, OutcomeLayer, PlatformOutcome } from '../../src/report/outcome.ts'
import { closureOf, narHashOf, pathOf } from './closures.ts'

export const gitPackage: Package = {
  attr: 'git',
  name: 'git',
  version: '2.51.0',
  outPath: pathOf('git-2.51.0'),
  outputs: [{ name: 'out', path: pathOf('git-2.51.0') }],
  license: ['GPL-2.0-only'],
  homepage: 'https://git-scm.com/',
}

/** 40 MB in all. */
const closure = closureOf(['git-2.51.0'], {
  'git-2.51.0': { size: 10_000_000, needs: ['glibc-2.40'] },
  'glibc-2.40': { size: 30_000_000 },
})

export const storeLayer: OutcomeLayer = {
  digest: digestOf(Buffer.from('store layer')),
  diffID: digestOf(Buffer.from('store layer, unpacked')),
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  size: 12_345_678,
  key: 'ab'.repeat(32),
  holds: 'git, glibc',
  storePaths: [pathOf('git-2.51.0'), pathOf('glibc-2.40')],
  narSize: 40_000_000,
  made: 'built',
  blob: 'sent',
}

export const linksLayer: OutcomeLayer = {
  digest: digestOf(Buffer.from('links')),
  diffID: digestOf(Buffer.from('links, unpacked')),
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  size: 1234,
  key: 'cd'.repeat(32),
  holds: 'links to the packages',
  storePaths: [],
  narSize: 0,
  made: 'built',
  blob: 'there',
}

export const platformOutcome = (changes: Partial<PlatformOutcome> = {}): PlatformOutcome => {
  const layers = [storeLayer, linksLayer].map(
    ({ mediaType, digest, size, diffID, holds }): ImageLayer => ({
      descriptor: { mediaType, digest, size },
      diffID,
      holds,
    }),
  )
  return {
    platform: 'linux/amd64',
    image: image(layers, { architecture: 'amd64', created: '1970-01-01T00:00:01Z' }),
    packages: [gitPackage],
    conflicts: [],
    danglingLinks: [],
    layers: [storeLayer, linksLayer],
    closure,
    ...changes,
  }
}

/** The outcome of a run that pushed an image of one package for one platform. */
export const outcome = (changes: Partial<Outcome> = {}): Outcome => {
  const platform = platformOutcome()
  return {
    repository: { registry: 'ghcr.io', name: 'owner/name' },
    tags: ['v1', 'latest'],
    descriptor: platform.image.manifest.descriptor,
    pushed: true,
    output: undefined,
    source: {
      type: 'nixpkgs',
      url: 'https://github.com/NixOS/nixpkgs/archive/755f.tar.gz',
      revision: '755f5aa91337890c432639c60b6064bb7fe67769',
      narHash: 'sha256-ypxFOeDz+CqADEQNL72haqGjvZQdBR5Vc7pyx2JDttI=',
      description: 'nixpkgs at 755f',
    },
    platforms: [platform],
    reused: 'none',
    secondsBefore: 0,
    uploaded: 12_346_912,
    requests: 9,
    timings: { source: 0.5, nix: 61.234 },
    ...changes,
  }
}

/** A large image in 127 layers: store paths with realistic names and this many references each. */
export const manyPaths = (length: number, references: number): Pick<PlatformOutcome, 'closure' | 'layers'> => {
  const pathAt = (index: number): StorePath =>
    `/nix/store/${digestOf(Buffer.from(`${index}`))
      .slice(7, 39)
      .replaceAll('e', 'z')}-python3.13-some-package-1.2.${index}`
  const infos = Array.from({ length }, (_, index) => ({
    path: pathAt(index),
    narHash: narHashOf(`${index}`),
    narSize: 1_234_567,
    closureSize: 1_234_567,
    references: Array.from({ length: references }, (_, step) => index + 1 + step * 7)
      .filter((other) => other < length)
      .map(pathAt),
  }))
  const layers = Array.from({ length: 127 }, (_, layer) => ({
    ...storeLayer,
    storePaths: infos.filter((_, index) => index % 127 === layer).map(({ path }) => path),
  }))
  return { closure: checkClosure(infos, [pathAt(0)]), layers }
}
