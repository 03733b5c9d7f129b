import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { FetchedSource } from '../../src/nix/source.ts'
import { root } from '../support/action.ts'
import { build, evaluate, pin } from '../support/nix.ts'

let source: FetchedSource
beforeAll(async () => {
  source = await pin({ type: 'path', path: join(root, 'test', 'fixtures', 'naming-set') })
})

/** The sentences for these names, with SET for the package set. */
const told = async (...names: string[]): Promise<string[]> => {
  const message = await evaluate(names, { source }).then(String, (error: Error) => {
    expect(error.name).toBe('UserError')
    return error.message
  })
  return message.replaceAll(/\/\S*naming-set with the content sha256-[^;:]+/g, 'SET').split('\n')
}

const search = 'search for the name at https://search.nixos.org/packages.'

describe('an unknown name is told with what this set has:', () => {
  test.each([
    // What others call it.
    ['node', 'write `nodejs`.'],
    ['Node', 'write `nodejs`.'],
    ['npm', 'write `nodejs`.'],
    ['awk', 'write `gawk`.'],
    ['psql', 'write `postgresql`.'],
    ['ca-certificates', 'write `cacert`.'],
    ['openssh-client', 'write `openssh`.'],
    ['aws', 'write `awscli2`.'],
    ['7zip', 'write `p7zip`.'],
    ['build-essential', 'write `gcc gnumake binutils patch`.'],
    ['docker.io', 'write `docker-client`.'],
    // Of these, the set has not even one.
    ['ffprobe', search],
    // As others write versions.
    ['nodejs@20', 'write `nodejs_20`.'],
    ['nodejs-20', 'write `nodejs_20`.'],
    ['nodejs:20', 'write `nodejs_20`.'],
    ['node20', 'write `nodejs_20`.'],
    ['nodejs@v22', 'write `nodejs_22`.'],
    ['python3==3.12', 'write `python312`.'],
    ['python3.12', 'write `python312`.'],
    ['python3~=3.12', 'write `python312`.'],
    ['golang:1.22', 'write `go_1_22`.'],
    ['lua@5.4', 'write `lua5_4`.'],
    ['openssl=1.1', 'write `openssl_1_1`.'],
    ['openjdk-17-jdk', 'write `jdk17`.'],
    ['git@latest', 'write `git`.'],
    ['kubectl@1.31', 'write `kubectl`, which is 1.31.2.'],
    ['kubectl@1.28', 'there is `kubectl` (1.31.2).'],
    ['nodejs@20.1', 'there is `nodejs_20` (20.19.5).'],
    ['nodejs@19', 'there are `nodejs` (24.1.0), `nodejs_20` (20.19.5), `nodejs_22` (22.3.0).'],
    ['python3==3.11', 'there are `python3` (3.13.1), `python312` (3.12.8), `python313` (3.13.1).'],
    ['unversioned@2', 'there is `unversioned`.'],
    ['nosuch@2', search],
    ['gti@2', 'did you mean `git`?'],
    ['rust@1.75', 'there is `rustc` (1.91.0).'],
    ['helm@3', 'write `kubernetes-helm`, which is 3.19.0.'],
    ['ruby@3.3', 'write `ruby`, which is 3.3.9.'],
    ['electron@37', 'there are `electron` (39.1.0), `electron_38` (38.8.4, insecure).'],
    // Where 2048 is no version.
    ['desktop3', 'did you mean `desktopx`?'],
    ['nodejs-20_x', 'write `nodejs_20`.'],
    ['php8.2-mbstring', 'write `php82`.'],
    ['php-mbstring', 'did you mean `phpExtensions.mbstring`?'],
    // Libraries, with their headers.
    ['libssl-dev', 'write `openssl openssl.dev`.'],
    ['openssl-devel', 'write `openssl openssl.dev`.'],
    ['libyaml-dev', 'write `libyaml`.'],
    // Packages of languages, whether their name says which or not.
    ['python3-requests', 'did you mean `python3.withPackages(requests)`?'],
    ['py3-yaml', 'did you mean `python3.withPackages(pyyaml)`?'],
    ['requests', 'did you mean `python3.withPackages(requests)`, `requestly`?'],
    ['requests==2.31', 'did you mean `python3.withPackages(requests)`, `requestly`?'],
    ['PyYAML', 'did you mean `python3.withPackages(pyyaml)`?'],
    ['ruamel.yaml', 'did you mean `python3.withPackages(ruamel-yaml)`?'],
    ['ruby-nokogiri', 'did you mean `rubyPackages.nokogiri`?'],
    ['nokogiri', 'did you mean `rubyPackages.nokogiri`?'],
    // Misspelt, of what others call it.
    ['golnag', search],
    ['posgtres', 'did you mean `postgresql`?'],
    ['pyton', 'did you mean `python3`?'],
    // As the set is called elsewhere.
    ['pkgs.git', 'write `git`.'],
    ['nixpkgs.git', 'write `git`.'],
    ['legacyPackages.x86_64-linux.git', 'write `git`.'],
    ['nixpkgs.nodejs@20', 'write `nodejs_20`.'],
    // Near misses, without a function and without what throws.
    ['gitt', 'did you mean `git`?'],
    ['git-full', 'did you mean `gitFull`?'],
    ['nodePackages."@angular/cil"', 'did you mean `nodePackages."@angular/cli"`?'],
    ['lispPackages."hu.dwim.asd"', 'did you mean `lispPackages."hu.dwim.asdf"`?'],
    ['nodePackage."@angular/cil"', 'did you mean `nodePackages."@angular/cli"`?'],
    // A name with a quote cannot be written.
    ['nodePackages.with_quote', search],
    // Outputs.
    ['curl.lib', 'the outputs of `curl` are `curl.bin`, `curl.dev`, `curl.out`.'],
    ['curl.dve', 'did you mean `curl.dev`?'],
    ['git.lib', '`git` has no other outputs; write `git`.'],
  ])('%s', async (name, instead) => {
    expect(await told(name)).toEqual([`\`packages\` has ${name}, which is not in SET; ${instead}`])
  })

  test('of what looks like it and has a fault that is no throw, only the names are known', async () => {
    expect(await told('fault', 'node')).toEqual([
      '`packages` has fault, which is not in SET; did you mean `faultA`, `faulty`?',
      '`packages` has node, which is not in SET; write `nodejs`.',
    ])
  })
})

describe('a name that throws is told with what this set has instead:', () => {
  const begin = 'The packages cannot be evaluated from SET: package'
  test.each([
    ['python', "'python' has been removed, since it is the wrong one; write `python3`."],
    [
      'nodejs_18',
      'Node.js 18.x has reached End-Of-Life and has been removed; there are `nodejs` (24.1.0), `nodejs_20` (20.19.5), `nodejs_22` (22.3.0).',
    ],
    ['gitg', 'gitg has been removed; leave it out, or name an older `nixpkgs` that has it.'],
  ])('%s', async (name, said) => {
    expect(await told(name)).toEqual([`${begin} ${name}: ${said}`])
  })
})

describe('what is no package is told with what leads on:', () => {
  const installable = 'name a package, which https://search.nixos.org/packages helps to find.'
  test.each([
    [
      'python3.withPackages',
      'a function',
      'write the modules behind it in parentheses, as in `python3.withPackages(requests, numpy)`.',
    ],
    ['fetchurl', 'a function', 'call it in the default.nix of your own package set, and name what it returns.'],
    ['lib.version', 'a string', installable],
    ['git.name', 'a string', 'write `git` for the package.'],
    ['numbers.one', 'a number', installable],
    ['numbers.half', 'a number', installable],
    ['numbers.yes', 'true or false', installable],
    ['numbers.none', 'null', installable],
    ['numbers.list', 'a list', installable],
    ['numbers', 'a set', installable],
    ['nodePackages', 'a set', 'name a package in it, as in `nodePackages."@angular/cli"`.'],
  ])('%s', async (name, kind, instead) => {
    expect(await told(name)).toEqual([
      `\`packages\` has ${name}, which is ${kind} and not a package in SET; ${instead}`,
    ])
  })
})

describe('a quoted name', () => {
  test.each([['nodePackages."@angular/cli"'], ['lispPackages."hu.dwim.asdf"'], ['nodepackages."@angular/cli"']])(
    '%s is found, and its package has the path that was found',
    async (name) => {
      const { packages } = await build([name], { source })
      expect(packages.map(({ attr }) => attr)).toEqual([name.replace('nodep', 'nodeP')])
    },
  )

  test('is one part, whatever it holds', async () => {
    expect(await told('lispPackages.hu.dwim.asdf')).toEqual([
      '`packages` has lispPackages.hu.dwim.asdf, which is not in SET; did you mean `lispPackages."hu.dwim.asdf"`?',
    ])
    expect(await told('"${builtins.abort}"')).toEqual([
      `\`packages\` has "\${builtins.abort}", which is not in SET; ${search}`,
    ])
  })
})
