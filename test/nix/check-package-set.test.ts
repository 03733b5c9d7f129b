import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkPackageSet } from '../../src/nix/check-package-set.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder('set')
})
afterAll(() => folder[Symbol.asyncDispose]())

const instead = 'add a default.nix that takes `{ system, ... }` and returns a set of packages.'

test.each<[string, string[], string | undefined]>([
  ['a set', ['default.nix'], undefined],
  ['a flake that is a set too', ['default.nix', 'flake.nix'], undefined],
  ['nothing', [], '`nixpkgs` is FOLDER, which has no default.nix; name the folder of a package set.'],
  ['a flake', ['flake.nix'], `\`nixpkgs\` is FOLDER, which has a flake.nix and no default.nix; ${instead}`],
  [
    'a flake with its lock file',
    ['flake.nix', 'flake.lock'],
    `\`nixpkgs\` is FOLDER, which has a flake.nix and no default.nix; write \`nixpkgs: FOLDER/flake.lock\` for the nixpkgs that the flake has locked, or ${instead}`,
  ],
])('of a folder with %s', async (name, files, problem) => {
  const path = join(folder.path, name)
  await mkdir(path)
  for (const file of files) await writeFile(join(path, file), '')
  const message = await checkPackageSet(path).then(
    () => undefined,
    (error: Error) => `${error.name}: ${error.message.replaceAll(path, 'FOLDER')}`,
  )
  expect(message).toBe(problem && `UserError: ${problem}`)
})
