import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, runAction } from './support/action.ts'
import { evaluate, pin, smallSet } from './support/nix.ts'
import { type PackageSources, startPackageSources } from './support/package-sources.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

let sources: PackageSources

beforeAll(async () => {
  sources = await startPackageSources()
})
afterAll(() => sources[Symbol.asyncDispose]())

/** The `default.nix` of docs/own-packages.md, with the test's package set in place of nixpkgs. */
const wrapper = async (): Promise<string> => {
  const page = await readFile(join(root, 'docs', 'own-packages.md'), 'utf8')
  const [, nix = ''] = /<!-- wrapper -->\n```nix\n(.*?)```/s.exec(page) ?? []
  const { server, narHash } = sources
  const pinned = nix
    .replace(/url = "[^"]*"/, `url = "${server.url}/set.tar.gz"`)
    .replace(/sha256 = "[^"]*"/, `sha256 = "${narHash}"`)
  // The small set has no overlays and no `override`; a function like that of nixpkgs makes both of it.
  return pinned
    .replace('import (fetchTarball', '(import ./with-overlays.nix) (fetchTarball')
    .replace('previous.git.override { withManual = false; }', 'previous.tree.override { withManual = false; }')
}

const withOverlays = `source: { system, config, overlays }:
let
  base = import source { inherit system config; overlays = [ ]; };
  set = base // {
    callPackage = file: _: import file final;
    tree = base.tree // { override = _: base.other; };
  };
  final = builtins.foldl' (previous: overlay: previous // overlay final previous) set overlays;
in
final`

test('a folder adds packages and overlays to a pinned set, as the page says', async () => {
  await using folder = await temporaryFolder('own')
  const nix = join(folder.path, 'nix')
  await mkdir(nix)
  await writeFile(join(nix, 'default.nix'), await wrapper())
  await writeFile(join(nix, 'with-overlays.nix'), withOverlays)
  await writeFile(
    join(nix, 'my-tool.nix'),
    `set: derivation {
      name = "my-tool-1.0"; inherit (set.tree) system; builder = "/bin/bash";
      args = [ "-euc" "PATH=/usr/bin:/bin; mkdir -p $out/bin; echo mine > $out/bin/my-tool; exit" ];
    }`,
  )
  const inputs = { nixpkgs: './nix', packages: 'my-tool git', push: 'false' }
  const { exitCode, log, metadataFile } = await runAction(inputs, { workspace: folder.path })
  expect(exitCode, log).toBe(0)
  const { packages } = JSON.parse(metadataFile) as { packages: { attr: string; name: string }[] }
  expect(packages.map(({ attr, name }) => `${attr} ${name}`)).toEqual(['my-tool my-tool', 'git other'])
})

test.each([
  ['takes all three', '{ system, config, overlays }:'],
  ['takes what comes', '{ system, config, overlays, ... }:'],
  ['takes an argument without a pattern', 'given: let inherit (given) system config overlays; in'],
  ['is older than overlays', '{ system ? builtins.currentSystem, config ? null }: let overlays = [ ]; in'],
])('a set that %s is called with what it takes', async (_, head) => {
  await using folder = await temporaryFolder('set')
  await cp(smallSet, join(folder.path, 'small-set'), { recursive: true })
  const text = `${head} import ./small-set { inherit system config overlays; }`
  await writeFile(join(folder.path, 'default.nix'), text)
  const source = await pin({ type: 'path', path: folder.path })
  expect(await evaluate(['tree'], { source })).toBe(await evaluate(['tree']))
})
