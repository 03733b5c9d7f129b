import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { tar } from '../../src/archive/tar.ts'
import { popularityLayers } from '../../src/layers/popularity-layers.ts'
import { stableLayers } from '../../src/layers/stable-layers.ts'
import { requestParts } from '../../src/reuse/request-key.ts'
import { imageDefaults } from '../../src/rootfs/image-defaults.ts'
import type { Links } from '../../src/rootfs/links.ts'
import { loaderOf } from '../../src/rootfs/loader.ts'
import { rootFileSystem } from '../../src/rootfs/root-file-system.ts'
import { runTimeFiles } from '../../src/rootfs/run-time-files.ts'
import { findUsers } from '../../src/rootfs/users.ts'
import { closureOf, narHashOf, pathOf } from '../support/closures.ts'
import { planOf } from '../support/plans.ts'

const links: Links = new Map<string, string | undefined>([
  ['bin', undefined],
  ['bin/bash', `${pathOf('bash')}/bin/bash`],
  ['bin/env', `${pathOf('coreutils')}/bin/env`],
  ['etc/ssl/certs/ca-bundle.crt', `${pathOf('cacert')}/etc/ssl/certs/ca-bundle.crt`],
])

const loader = loaderOf(
  {
    unlinked: { 'nix-ld': pathOf('nix-ld-2.0'), glibc: pathOf('glibc'), 'stdenv.cc.cc.lib': pathOf('gcc-lib') },
    packages: [],
  },
  'linux/amd64',
)

/** 300 paths of different sizes in a graph of some depth. */
const closure = closureOf(
  ['p0', 'p1', 'p2', 'p3'],
  Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [
      `p${index}`,
      {
        size: ((index * 7919) % 1000) ** 2 + 1,
        needs: [2 * index + 4, 2 * index + 5, 3 * index + 7].filter((next) => next < 300).map((next) => `p${next}`),
      },
    ]),
  ),
)

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)

const everything: Links = new Map(
  runTimeFiles.flatMap(({ sources }) => sources).map((name) => [name, `${pathOf('all')}/${name}`]),
)

const baseLayer = async (preset: 'bare' | 'default' | 'job-container', more: Links = new Map()): Promise<string> => {
  const base = planOf({ preset }).image.base
  const users = await findUsers(base, links, closure)
  const all = new Map([...links, ...more])
  const entries = rootFileSystem(all, base, users, preset === 'job-container' ? loader : undefined, closure)
  return createHash('sha256')
    .update(Buffer.concat(await Array.fromAsync(tar(entries))))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Checks what is not in the request key, since it is the same for all requests in one version of the action. **If this
 * test fails, raise `formatVersion` in `src/reuse/request-key.ts`**, or runs that reuse an image never see the change.
 * Then update the hashes with `vitest run -u`.
 */
test('what the code makes of a request is what its format version stands for', async () => {
  expect({
    format: requestParts(planOf(), 'linux/amd64', 'content', narHashOf('nix'))['format'],
    'base layer, bare': await baseLayer('bare'),
    'base layer, default': await baseLayer('default'),
    'base layer, job-container': await baseLayer('job-container'),
    'base layer with Nix': await baseLayer('default', new Map([['bin/nix', `${pathOf('nix')}/bin/nix`]])),
    'base layer with all that programs look for': await baseLayer('default', everything),
    'defaults of an image': hash(imageDefaults(links, undefined)),
    'defaults with all that programs look for': hash(imageDefaults(everything, undefined)),
    'defaults with a loader': hash(imageDefaults(links, loader)),
    stable: hash(stableLayers(closure, 62)),
    popularity: hash(popularityLayers(closure, 62, new Map())),
  }).toMatchInlineSnapshot(`
    {
      "base layer with Nix": "7977ca97bc6935ae",
      "base layer with all that programs look for": "01abded32150eb72",
      "base layer, bare": "5f70bf18a0860070",
      "base layer, default": "59b8185a7d7fcf0b",
      "base layer, job-container": "a27a7ee86eb7b1b3",
      "defaults of an image": "85db0bfc6c48e3d1",
      "defaults with a loader": "eae6fa3767bc68ce",
      "defaults with all that programs look for": "2d9ae54ccaeefd09",
      "format": "3",
      "popularity": "d4003b70f25eb449",
      "stable": "1a4c906f19b78a0b",
    }
  `)
})
