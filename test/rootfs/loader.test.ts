import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { loaderOf } from '../../src/rootfs/loader.ts'
import { pathOf } from '../support/closures.ts'
import { gitPackage } from '../support/outcomes.ts'

const [nixLd, glibc, libraries] = [pathOf('nix-ld-2.0.5'), pathOf('glibc-2.40'), pathOf('gcc-14-lib')]

const specWith = (version: string): Parameters<typeof loaderOf>[0] => ({
  unlinked: { 'nix-ld': nixLd, glibc, 'stdenv.cc.cc.lib': libraries },
  packages: [gitPackage, { ...gitPackage, attr: 'nix-ld', version, outPath: nixLd }],
})

test.each([
  ['linux/amd64', 'lib64/ld-linux-x86-64.so.2', 'ld-linux-x86-64.so.2'],
  ['linux/arm64', 'lib/ld-linux-aarch64.so.1', 'ld-linux-aarch64.so.1'],
] as const)(
  'on %s, programs find nix-ld as /%s, and nix-ld the loader of glibc and the libraries',
  (platform, name, file) => {
    expect(loaderOf(specWith('2.0.5'), platform)).toEqual({
      links: {
        [name]: `${nixLd}/libexec/nix-ld`,
        'run/current-system/sw/share/nix-ld/lib/ld.so': `${glibc}/lib/${file}`,
        ...Object.fromEntries(
          ['c.so.6', 'dl.so.2', 'm.so.6', 'pthread.so.0', 'resolv.so.2', 'rt.so.1', 'util.so.1'].map((end) => [
            `run/current-system/sw/share/nix-ld/lib/lib${end}`,
            `${glibc}/lib/lib${end}`,
          ]),
        ),
        'run/current-system/sw/share/nix-ld/lib/libgcc_s.so.1': `${libraries}/lib/libgcc_s.so.1`,
        'run/current-system/sw/share/nix-ld/lib/libstdc++.so.6': `${libraries}/lib/libstdc++.so.6`,
      },
      env: { NIX_LD: `${glibc}/lib/${file}`, NIX_LD_LIBRARY_PATH: `${glibc}/lib:${libraries}/lib` },
    })
  },
)

test.each(['1.2.3', '0.9'])(
  'nix-ld %s is too old, since the children of a program would get its libraries',
  (version) => {
    expect(() => loaderOf(specWith(version), 'linux/amd64')).toThrow(
      new UserError(
        `\`preset: job-container\` needs nix-ld 2 or newer, but the package set has ${version}; name a newer nixpkgs, or write \`preset: default\`.`,
      ),
    )
  },
)

test.each(['2.0.0', '10.1', ''])('nix-ld %j is new enough', (version) => {
  expect(() => loaderOf(specWith(version), 'linux/amd64')).not.toThrow()
})

test('a part that Nix did not tell about is our fault, and not the user’s', () => {
  expect(() => loaderOf({ unlinked: { 'nix-ld': nixLd }, packages: [] }, 'linux/amd64')).toThrow(
    new Error('The image specification has no path of glibc'),
  )
})
