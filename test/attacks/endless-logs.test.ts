import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { type Attacker, attack } from '../support/attack.ts'
import { smallSet } from '../support/nix.ts'
import { newestNixLink } from '../support/nix-places.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder('endless-logs')
})
afterAll(() => folder[Symbol.asyncDispose]())

/**
 * 60 MB of characters of three bytes, so that a cut anywhere in a line is within a character; and texts that the runner
 * would take for commands.
 */
const long = `(builtins.concatStringsSep "" (builtins.genList (n: "${'漢'.repeat(1000)}") 20000))`
const commands = String.raw`\n::set-output name=digest::evil\n  ::error::evil\r::add-path::/evil\n##[error]evil`

const builder = (script: string): string =>
  `derivation { name = "evil"; inherit (args) system; builder = "/bin/bash"; args = [ "-c" ''PATH=/usr/bin:/bin; ${script}; exit 1'' ]; }`
const line = "head -c 60000000 /dev/zero | tr '\\0' x"

/**
 * The text that a package set or a builder prints, as the package `evil`, and whether the image is built all the same.
 */
const cases: [Attacker, string, string, boolean][] = [
  ['package set', 'traces a line of 60 MB', `builtins.trace ${long} tree`, true],
  [
    'package set',
    'traces 200,000 lines',
    `builtins.foldl' (all: n: builtins.trace "line \${toString n}" all) tree (builtins.genList (n: n) 200000)`,
    true,
  ],
  ['package set', 'traces commands of the runner', `builtins.trace "x${commands}" tree`, true],
  [
    'package set',
    'warns 100,000 times',
    `builtins.foldl' (all: n: builtins.trace "x\\nwarning: no \${toString n}" all) tree (builtins.genList (n: n) 100000)`,
    true,
  ],
  ['package set', 'throws 60 MB', `throw ${long}`, false],
  ['package set', 'throws commands of the runner', `throw "x${commands}"`, false],
  ['package set', 'has a name of 60 MB', `tree // { type = ${long}; }`, false],
  ["package's builder", 'logs a line of 60 MB', builder(line), false],
  ["package's builder", 'logs a million lines', builder('yes "a line of a log" | head -n 1000000'), false],
  ["package's builder", 'logs commands of the runner', builder(`printf '${commands}'`), false],
]

const commandsOf = ({ log }: StepResult): string[] =>
  log
    .split(/[\n\r]/)
    .filter((text) =>
      /^\s*::(?!(add-mask|debug|error|notice|warning|group|endgroup)\b)|^\s*::error::evil|##\[/.test(text),
    )

for (const newest of [false, true])
  for (const [attacker, title, value, isBuilt] of cases)
    attack(attacker, 'end of the run', `${title}${newest ? ' (newest Nix)' : ''}`, async () => {
      const set = join(folder.path, `${cases.findIndex(([, name]) => name === title)}-${newest}.nix`)
      await mkdir(set)
      await writeFile(
        join(set, 'default.nix'),
        `args: let set = import ./small.nix args; in set // { evil = let inherit (set) tree; in ${value}; }`,
      )
      await copyFile(join(smallSet, 'default.nix'), join(set, 'small.nix'))
      const step = await runAction(
        { packages: 'evil', nixpkgs: set, push: 'false', reuse: 'false' },
        newest ? { environment: { PATH: `${join(newestNixLink, 'bin')}:${process.env['PATH']}` } } : {},
      )
      expect(step.log.length).toBeLessThan(3_000_000)
      expect(step.log.replaceAll(/^::debug::.*\n/gm, '').length).toBeLessThan(300_000)
      expect(commandsOf(step)).toEqual([])
      expect(step.log).not.toContain('\ufffd')
      expect(step.exitCode, step.log.slice(-3000)).toBe(isBuilt ? 0 : 1)
      expect(step.errors).toHaveLength(isBuilt ? 0 : 1)
      expect(step.errors[0]?.length ?? 0).toBeLessThan(4_100)
      return !isBuilt || step.log.includes('more lines that start with')
    })
