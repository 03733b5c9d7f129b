import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { githubToken, runAction } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Expressions that give a secret of the job, if evaluation can read it. */
const reads: readonly (readonly [what: string, expression: string])[] = [
  ['the environment', 'builtins.getEnv "INPUT_GITHUB-TOKEN"'],
  ['the environment of its process', 'builtins.readFile "/proc/self/environ"'],
  ['the environment of another process', 'builtins.readFile "/proc/1/environ"'],
  ["the home folder's files", 'builtins.toJSON (builtins.readDir (builtins.getEnv "HOME" + "/."))'],
  ["the workspace's git configuration", 'builtins.readFile ./../.git/config'],
  ['a program of its own', 'builtins.exec [ "env" ]'],
]

for (const [what, expression] of reads)
  attack('package set', 'credentials', `reads ${what} while it is evaluated`, async () => {
    await using folder = await temporaryFolder('package-set')
    const set = join(folder.path, 'set')
    await mkdir(join(folder.path, '.git'))
    await writeFile(join(folder.path, '.git', 'config'), githubToken)
    await mkdir(set)
    await writeFile(
      join(set, 'default.nix'),
      `{ system, ... }: rec {
        bash = leak; coreutils = leak; gnutar = leak;
        text = ${expression};
        found = builtins.replaceStrings [ "${githubToken}" ] [ "" ] text != text;
        leak = throw (if found then "LEAK" + "ED" else "nothing there");
      }`,
    )
    const { exitCode, log, errors } = await runAction(
      { packages: 'leak', nixpkgs: './set', image: '127.0.0.1:1/nothing', push: 'false' },
      { workspace: folder.path },
    )
    expect(exitCode, log).toBe(1)
    expect(errors).toHaveLength(1)
    expect(log).not.toContain('LEAKED')
    return true
  })
