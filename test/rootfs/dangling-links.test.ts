import { expect, test } from 'vitest'
import { storePathName } from '../../src/nix/store-path.ts'
import { findDanglingLinks } from '../../src/rootfs/dangling-links.ts'
import { readLinks } from '../../src/rootfs/links.ts'
import { rootFileSystem } from '../../src/rootfs/root-file-system.ts'
import { build } from '../support/nix.ts'

/** The dangling links of an image with the packages, as "link of package: where it ends". */
const danglingIn = async (packages: string[]): Promise<string[]> => {
  const { symlinkLayer, closure } = await build(packages)
  const links = await readLinks(symlinkLayer)
  const base = { preset: 'default', user: undefined, workdir: undefined, volumes: [] } as const
  const baseFiles = rootFileSystem(links, base, { owner: { uid: 0, gid: 0 }, homes: [] }, undefined, closure)
  return findDanglingLinks(links, closure, baseFiles).map(
    ({ path, owner, target }) =>
      `${path} of ${storePathName(owner)}: ${target.replace(/^\/nix\/store\/(?!e{32})\w{32}-/, '')}`,
  )
}

test('a link that leads to nothing is told with its package, and one that leads to something is not', async () => {
  // `tree` is in the store of this machine, but not in the closure.
  await build(['tree'])
  expect(await danglingIn(['dangling'])).toEqual([
    '/share/below of dangling-1.0: dangling-1.0/share/file/below',
    '/share/certificates of dangling-1.0: /etc/ssl/certs/ca-bundle.crt',
    '/share/chain of dangling-1.0: dangling-1.0/share/nothing',
    '/share/folder of dangling-1.0: /usr',
    '/share/gone of dangling-1.0: dangling-1.0/share/gone',
    '/share/host of dangling-1.0: /etc/os-release-of-host',
    '/share/loop of dangling-1.0: dangling-1.0/share/loop',
    '/share/missing of dangling-1.0: dangling-1.0/share/nothing',
    '/share/odd of dangling-1.0: /nix/store/not-a-path/x',
    '/share/of-the-store of dangling-1.0: /nix/store/.links/x',
    '/share/removed of dangling-1.0: /nix/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-bash-5/bin/bash',
    '/share/through of dangling-1.0: /usr/bin',
    '/share/unknown of dangling-1.0: tree-1.0/bin/tree',
  ])
})

test('names in other encodings than UTF-8 are followed as they are', async () => {
  expect(await danglingIn(['foreign'])).toEqual(['/share/gone\udce5 of foreign: foreign/share/nowhere\udce5'])
})
