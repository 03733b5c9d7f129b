import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evaluate, pin } from '../test/support/nix.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import prepareTestWorld from '../test/support/test-world.ts'
import { compare } from './measure.ts'

/**
 * Evaluates twenty packages of a set of 25,000, which is as large as nixpkgs, and the same with one unknown name, for
 * which near misses are looked for. The ratio should stay below 1.5. Of these names, `gitsqls` is like the most others.
 * `TEST_NIX=newest` takes the newest Nix.
 */

const parts = 'li|py|go|ru|no|de|qt|kde|x|lib|core|tool|net|ssh|git|sql|web|utils|font|perl|mail|py3|auth|zip|view|kit'
const syllables = parts.split('|')
const names = new Set(['bash', 'coreutils', 'gnutar', 'terraform'])
for (let index = 1; names.size < 25_000; index++) {
  // Two to four syllables, as most names have, some with a version or a hyphen.
  let number = (index * 2654435761) % 2 ** 32
  let name = ''
  for (let count = 2 + (index % 3); count > 0; count--) {
    name += (name && number % 5 === 0 ? '-' : '') + syllables[number % syllables.length]
    number = Math.floor(number / syllables.length)
  }
  names.add(index % 7 === 0 ? `${name}_${index % 30}` : `${name}${index % 11 === 0 ? index % 9 : ''}`)
}

await prepareTestWorld()
await using folder = await temporaryFolder('names')
const one = 'one = name: derivation { inherit name system; builder = "/bin/sh"; };'
const attributes = [...names].map((name) => `${name} = one "${name}-1";`)
await writeFile(join(folder.path, 'default.nix'), `{ system, ... }: let ${one} in {\n${attributes.join('\n')}\n}\n`)
const source = await pin({ type: 'path', path: folder.path })
const listed = [...names].filter((_, index) => index % 1250 === 0)

await compare(
  'Twenty of 25,000 packages',
  [
    { name: 'all known', work: async () => void (await evaluate(listed, { source })) },
    ...['terrafomr', 'gti', 'nodejs@20', 'gitsqls'].map((name) => ({
      name: `and ${name}`,
      work: async () => {
        const error = await evaluate([...listed, name], { source }).catch((error: Error) => error.message)
        if (!error.includes(`has ${name}, which is not in`)) throw new Error(error)
      },
    })),
  ],
  15,
)
