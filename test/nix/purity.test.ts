import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate, pin } from '../support/nix.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

let folder: string
let server: WebServer
let nothing: string

/** The derivation of a package whose name depends on the value of an expression. */
const derivationOf = async (expression: string): Promise<string> => {
  const path = await mkdtemp(join(folder, 'set-'))
  await writeFile(
    join(path, 'default.nix'),
    `{ system, ... }@arguments: rec {
      bash = leak; coreutils = leak; gnutar = leak;
      leak = derivation { inherit system; builder = "/bin/sh"; name = builtins.hashString "sha256" (toString (${expression})); };
    }`,
  )
  return evaluate(['leak'], { source: await pin({ type: 'path', path }) })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  server = await startWebServer({ '/file': 'text', '/set.tar.gz': 'text' })
  await writeFile(join(folder, 'outside.nix'), '"outside"')
  nothing = await derivationOf('""')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

describe('evaluation gets nothing from', () => {
  test.each([
    ['the environment', () => 'builtins.getEnv "HOME"'],
    ['an input of the action', () => 'builtins.getEnv "INPUT_GITHUB-TOKEN"'],
    ['a file by its path', () => 'builtins.readFile /etc/passwd'],
    ['a file by a string', () => 'builtins.readFile "/etc/passwd"'],
    ['a file of Nix code', () => `import ${folder}/outside.nix`],
    ['a file beside its own', () => 'builtins.readFile (./. + "/../../../etc/passwd")'],
    ['a list of files', () => 'builtins.attrNames (builtins.readDir /etc)'],
    ['a file that is copied to the store', () => `builtins.path { path = "${folder}/outside.nix"; }`],
    ['a file that is a source', () => `builtins.filterSource (_: _: true) ${folder}`],
    ['the clock', () => 'builtins.currentTime'],
    ['the kind of machine', () => 'builtins.currentSystem'],
    ['the search path', () => 'import <nixpkgs>'],
    ['the user’s configuration', () => 'import ((builtins.getEnv "HOME") + "/.config/nixpkgs/config.nix")'],
    ['the network', () => `builtins.readFile (builtins.fetchurl "${server.url}/file")`],
    ['a tarball without a hash', () => `import (builtins.fetchTarball "${server.url}/set.tar.gz")`],
    ['a git repository without a commit', () => `(builtins.fetchGit "${server.url}/repository").outPath`],
    ['a program', () => 'builtins.exec [ "/bin/date" ]'],
    [
      'something that is built first',
      () =>
        'import (derivation { name = "ifd"; inherit (arguments) system; builder = "/bin/sh"; args = [ "-c" "echo 1 > $out" ]; })',
    ],
  ])('%s', async (_, expression) => {
    const got = await derivationOf(expression()).catch((error: Error) => error.name)
    expect([nothing, 'UserError']).toContain(got)
    expect(server.requests).toEqual([])
  })
})

test('what it may not read is told, with what to do', async () => {
  await expect(derivationOf('builtins.readFile /etc/passwd')).rejects.toThrow(
    /^The packages cannot be evaluated from .*: access to absolute path '\/etc\/passwd' is forbidden in pure eval\w* mode.*; evaluation is pure: the package set may read nothing but its own files\.$/,
  )
})
