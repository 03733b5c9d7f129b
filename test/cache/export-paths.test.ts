import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportPaths } from '../../src/cache/export-paths.ts'
import { importPaths } from '../../src/cache/import-paths.ts'
import { readEntry } from '../../src/cache/read-entry.ts'
import { candidates, selectPaths } from '../../src/cache/select-paths.ts'
import { wantedPaths } from '../../src/cache/wanted-paths.ts'
import { invalidPaths } from '../../src/nix/check-validity.ts'
import { pathInfos } from '../../src/nix/path-info.ts'
import { restrictNix } from '../../src/nix/restrict.ts'
import { parsePublicKeys } from '../../src/nix/signature.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { trustedPublicKeys } from '../../src/nix/trusted-keys.ts'
import { type FirstRun, firstRun } from '../support/first-run.ts'
import { withNix } from '../support/nix.ts'
import { output } from '../support/process.ts'

/** A signed program that references a script, which evaluation copied into the store and which has no signature. */

let first: FirstRun
let store: string
let program: StorePath
let script: StorePath

const { signal } = new AbortController()

beforeAll(async () => {
  first = await firstRun()
  store = first.emptyStore()
  const place = join(first.folder, 'sources')
  await mkdir(place)
  await writeFile(join(place, 'script'), 'echo script')
  await writeFile(
    join(place, 'default.nix'),
    `derivation { name = "program"; system = builtins.currentSystem; builder = "/bin/bash"; args = [ "-c" "echo \${./script} > $out; exit" ]; }`,
  )
  await withNix(async (nix) => {
    const derivation = (await nix('nix-instantiate', [join(place, 'default.nix')])).trim()
    program = parseStorePath((await nix('nix-store', ['--realise', derivation])).trim(), 'the program')
    const references = (await nix('nix-store', ['--query', '--references', program])).trim()
    script = parseStorePath(references, 'its only reference')
    await nix('nix', ['copy', '--no-check-sigs', '--to', store, program])
  })
  await first.inStore(store, (nix) =>
    nix('nix', ['store', 'sign', '--key-file', first.secretFile('upstream-1'), program]),
  )
})
afterAll(() => first[Symbol.asyncDispose]())

/**
 * Saves without a signing key, and restores into a store that has only `evaluated`. Returns the paths that came from
 * the entry.
 */
const throughEntry = async (evaluated: readonly StorePath[]): Promise<StorePath[]> => {
  const entry = join(first.folder, 'entry')
  const temporary = join(first.folder, 'temporary')
  await mkdir(temporary, { recursive: true })
  const selected = await first.inStore(store, async (nix) => {
    const keys = parsePublicKeys(await trustedPublicKeys(nix))
    const closure = candidates(await pathInfos([program], nix), keys, undefined)
    const selected = selectPaths(closure, { canSign: false, limit: 1e9, secret: undefined })
    await exportPaths(entry, closure, selected, undefined, temporary, nix)
    return selected
  })
  expect(selected.map(({ path }) => path)).toEqual([program])
  expect((await readdir(entry)).filter((name) => name.endsWith('.narinfo'))).toHaveLength(1)
  expect(await readdir(join(entry, 'nar'))).toHaveLength(1)
  const to = first.emptyStore()
  if (evaluated.length > 0)
    await first.inStore(store, (nix) => nix('nix', ['copy', '--no-check-sigs', '--to', to, ...evaluated]))
  return first.inStore(to, async (nix) => {
    const read = await readEntry(entry, parsePublicKeys(await trustedPublicKeys(nix)), false)
    const paths = await wantedPaths(read, new Set([program, script]), (paths) => invalidPaths(paths, nix))
    await importPaths(entry, paths, temporary, signal, restrictNix(nix, undefined))
    expect(await readdir(temporary)).toEqual([])
    expect(
      await invalidPaths(
        paths.map(({ path }) => path),
        nix,
      ),
    ).toEqual([])
    await rm(entry, { recursive: true })
    return paths.map(({ path }) => path)
  })
}

test('what evaluation brings is not in an entry, and what references it comes from there after evaluation', async () => {
  expect(await throughEntry([script])).toEqual([program])
})

test('where evaluation does not bring it, nothing is restored, and nothing fails', async () => {
  expect(await throughEntry([])).toEqual([])
})

test('the entry is one that Nix itself can read', async () => {
  const entry = await first.save('readable')
  const args = ['path-info', '--extra-experimental-features', 'nix-command', '--store', `file://${entry}`, '--all']
  expect((await output('nix', args)).trim().split('\n')).toHaveLength(first.all.length)
})
