import { expect, test } from 'vitest'
import { runTimeFiles, runTimeLinks, runTimeVariables } from '../../src/rootfs/run-time-files.ts'

const linksTo = (...names: string[]) => new Map(names.map((name) => [name, `/nix/store/${name}`]))

test.each<[string, string[], Record<string, string>]>([
  ['bin/bash', ['bin/sh'], {}],
  ['bin/dash', ['bin/sh'], {}],
  ['bin/env', ['usr/bin/env'], {}],
  [
    'etc/ssl/certs/ca-bundle.crt',
    [
      'etc/pki/tls/cert.pem',
      'etc/pki/tls/certs/ca-bundle.crt',
      'etc/ssl/cert.pem',
      'etc/ssl/certs/ca-certificates.crt',
    ],
    { SSL_CERT_FILE: '/etc/ssl/certs/ca-bundle.crt' },
  ],
  ['share/zoneinfo', ['etc/zoneinfo', 'usr/share/zoneinfo'], { TZDIR: '/share/zoneinfo' }],
  ['lib/locale/locale-archive', ['usr/lib/locale/locale-archive'], { LOCALE_ARCHIVE: '/lib/locale/locale-archive' }],
  ['etc/fonts/fonts.conf', [], { FONTCONFIG_FILE: '/etc/fonts/fonts.conf' }],
  ['share/fonts', ['usr/share/fonts'], {}],
])('an image with /%s has the links %j and the variables %j', (source, names, variables) => {
  expect(runTimeLinks(linksTo(source))).toEqual(names.map((name) => [name, `/${source}`]))
  expect(runTimeVariables(linksTo(source), false)).toEqual(variables)
  // A directory of several packages is no link.
  expect(runTimeVariables(new Map([[source, undefined]]), false)).toEqual(variables)
})

test('the first source that is there wins, and without any there is nothing', () => {
  expect(runTimeLinks(linksTo('bin/dash', 'bin/bash'))).toEqual([['bin/sh', '/bin/bash']])
  expect(runTimeLinks(linksTo('bin/git'))).toEqual([])
  expect(runTimeVariables(linksTo('bin/git'), true)).toEqual({})
})

test('the container of a job has the certificates by more variables', () => {
  const path = '/etc/ssl/certs/ca-bundle.crt'
  expect(runTimeVariables(linksTo(path.slice(1)), true)).toEqual({
    SSL_CERT_FILE: path,
    GIT_SSL_CAINFO: path,
    NIX_SSL_CERT_FILE: path,
  })
})

test('no name and no variable is in the table twice', () => {
  for (const of of ['names', 'variables'] as const) {
    const all = runTimeFiles.flatMap((file) => file[of])
    expect(new Set(all).size).toBe(all.length)
  }
})
