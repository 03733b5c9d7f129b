import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { FetchedSource } from '../../src/nix/source.ts'
import { root } from '../support/action.ts'
import { build, evaluate, pin } from '../support/nix.ts'

let source: FetchedSource
beforeAll(async () => {
  source = await pin({ type: 'path', path: join(root, 'test', 'fixtures', 'modules-set') })
})

const modulesIn = async (name: string): Promise<string> => {
  const { packages } = await build([name], { source })
  expect(packages.map(({ attr }) => attr)).toEqual([name])
  return (await readFile(`${packages[0]?.outPath}/share/modules`, 'utf8')).trim().replaceAll('\n', ' ')
}

/** The sentences for these names, with SET for the package set. */
const told = async (...names: string[]): Promise<string[]> => {
  const message = await evaluate(names, { source }).then(String, (error: Error) => {
    expect(error.name).toBe('UserError')
    return error.message
  })
  return message.replaceAll(/\/\S*modules-set with the content sha256-[^;:]+/g, 'SET').split('\n')
}

describe('a package is put together with modules:', () => {
  test.each([
    ['python3.withPackages(requests, numpy)', 'python3.13-requests python3.13-numpy'],
    ['python3.withPackages(numpy, requests)', 'python3.13-numpy python3.13-requests'],
    ['python3.withPackages("zope.interface", nested.inner)', 'python3.13-zope.interface python3.13-inner'],
    ['perl.withPackages(JSONXS, DBI)', 'perl5.40-JSONXS perl5.40-DBI'],
    ['ruby.withPackages(nokogiri)', 'ruby3.3-nokogiri'],
    ['lua.withPackages(luasocket)', 'lua5.2-luasocket'],
    ['haskellPackages.ghcWithPackages(lens)', 'lens'],
    ['emacs.pkgs.withPackages(magit)', 'emacs-magit'],
    ['poetry.withPlugins(poetry-plugin-export)', 'poetry-plugin-export'],
    ['php.withExtensions(redis)', 'php-curl php-redis'],
    ['R.withPackages(data_table)', 'r-data_table'],
    ['rWrapper.withPackages(data_table)', 'r-data_table'],
    ['all.withPackages(one)', 'one'],
    ['google-cloud-sdk.withExtraComponents(kubectl)', 'kubectl'],
    ['azure-cli.withExtensions(aks-preview)', 'aks-preview'],
  ])('%s', async (name, modules) => {
    expect(await modulesIn(name)).toBe(modules)
  })

  test('the function is found as packages are', async () => {
    const { packages } = await build(['HaskellPackages.ghcWithPackages(lens)'], { source })
    expect(packages.map(({ attr }) => attr)).toEqual(['haskellPackages.ghcWithPackages(lens)'])
  })
})

describe('a module that is not there is told with what is:', () => {
  const search = 'search for the name at https://search.nixos.org/packages.'
  test.each([
    ['requets', 'did you mean `requests`?'],
    ['PyYAML', 'did you mean `pyyaml`?'],
    ['yaml', 'did you mean `pyyaml`?'],
    ['Pillow', 'did you mean `pillow`?'],
    ['dateutil', 'did you mean `python-dateutil`?'],
    ['psycopg2-binary', 'did you mean `psycopg2`?'],
    ['python3-requests', 'did you mean `requests`?'],
    ['ruamel.yaml', 'did you mean `ruamel-yaml`?'],
    ['zope-interface', 'did you mean `"zope.interface"`?'],
    ['python3Packages.requests', 'did you mean `requests`?'],
    ['ps."zope.interface"', 'did you mean `"zope.interface"`?'],
    ['PIL', 'did you mean `pillow`?'],
    ['git', '`git` is a package by itself, to be listed beside it.'],
    ['nosuchmodule', search],
  ])('%s', async (module, instead) => {
    expect(await told(`python3.withPackages(numpy, ${module})`)).toEqual([
      `\`packages\` gives \`python3.withPackages\` the module ${module}, which is not in SET; ${instead}`,
    ])
  })

  test('all of them, and what else is wrong', async () => {
    const names = ['python3.withPackages(requets, gti)', 'gti', 'R.withPackages(data.table)', 'git']
    expect(await told(...names)).toEqual([
      `\`packages\` gives \`python3.withPackages\` the module requets, which is not in SET; did you mean \`requests\`?`,
      `\`packages\` gives \`python3.withPackages\` the module gti, which is not in SET; ${search}`,
      '`packages` has gti, which is not in SET; did you mean `git`?',
      '`packages` gives `R.withPackages` the module data.table, which is not in SET; did you mean `data_table`?',
    ])
  })

  test('one that throws is told as a package that does', async () => {
    expect(await told('python3.withPackages(removed)')).toEqual([
      'The packages cannot be evaluated from SET: package python3.withPackages(removed): removed has been removed, since it was superseded by requests; write `python3.withPackages(requests)`.',
    ])
  })

  test.each([
    [
      'python3.withPackages(numpy, oldrequests)',
      "'oldrequests' has been renamed to/replaced by 'requests'; write `python3.withPackages(numpy, requests)`.",
    ],
    [
      'python2.withPackages(requests)',
      'python2 has been removed; Python 2 is end-of-life. Use `python3` instead; write `python3.withPackages(requests)`.',
    ],
    [
      'python2.withPackages(nosuch)',
      'python2 has been removed; Python 2 is end-of-life. Use `python3` instead; leave it out, or name an older `nixpkgs` that has it.',
    ],
  ])('%s throws, and is told with what is there instead', async (name, said) => {
    expect(await told(name)).toEqual([`The packages cannot be evaluated from SET: package ${name}: ${said}`])
  })

  test('of many, the first twenty, since each takes an evaluation', async () => {
    const names = Array.from({ length: 22 }, (_, index) => `python3.withPackages(nosuch${index})`)
    const sentences = await told(...names)
    expect(sentences).toHaveLength(21)
    expect(sentences.at(-1)).toBe(
      '20 packages cannot be evaluated; there may be more, which a run tells when these are mended.',
    )
  })
})

test('a function that takes its modules in another way is told as that', async () => {
  const [sentence = '', ...others] = await told('julia.withPackages(Plots)')
  expect(others).toEqual([])
  expect(sentence).toMatch(
    /^The packages cannot be evaluated from SET: package julia\.withPackages\(Plots\): .*function.*; it does not take its modules as `python3\.withPackages` does; call it in the default\.nix of your own package set, and name what it returns\.$/,
  )
})

describe('a module that is listed as a package is told with its interpreter:', () => {
  test.each([
    ['numpy', 'python3.withPackages(numpy)'],
    ['python3-numpy', 'python3.withPackages(numpy)'],
    ['python-yaml', 'python3.withPackages(pyyaml)'],
    ['py3-dateutil', 'python3.withPackages(python-dateutil)'],
    ['libjson-xs-perl', 'perl.withPackages(JSONXS)'],
    ['ruby-nokogiri', 'ruby.withPackages(nokogiri)'],
    ['lua-socket', 'lua.withPackages(luasocket)'],
    ['r-cran-data.table', 'R.withPackages(data_table)'],
    ['php8.4-redis', 'php.withExtensions(redis)'],
  ])('%s', async (name, instead) => {
    expect(await told(name)).toEqual([`\`packages\` has ${name}, which is not in SET; did you mean \`${instead}\`?`])
  })
})

describe('a function that is not there is told with what is:', () => {
  const own = 'put such a package into the default.nix of your own package set, and name it.'
  test.each([
    ['python.withPackages(requests)', 'did you mean `python3.withPackages(requests)`?'],
    ['pyhton3.withPackages(requests, numpy)', 'did you mean `python3.withPackages(requests, numpy)`?'],
    ['python3Packages.withPackages(requests)', 'did you mean `python3.withPackages(requests)`?'],
    ['rubyPackages_3_4.withPackages(nokogiri)', 'did you mean `ruby_3_4.withPackages(nokogiri)`?'],
    ['haskellPackages.withPackages(lens)', 'did you mean `haskellPackages.ghcWithPackages(lens)`?'],
    ['php.withPackages(redis)', 'did you mean `php.withExtensions(redis)`?'],
    ['emacs.withPackages(magit)', 'did you mean `emacs.pkgs.withPackages(magit)`?'],
    ['phpp.withPackages(redis)', 'did you mean `php.withExtensions(redis)`?'],
    ['r.withPackages(data_table)', 'did you mean `R.withPackages(data_table)`?'],
    ['python3.12.withPackages(requests)', 'did you mean `python312.withPackages(requests)`?'],
    ['pkgs.python3.withPackages(requests)', 'did you mean `python3.withPackages(requests)`?'],
    ['gti.withPackages(x)', own],
    ['withPackages(x)', own],
    ['git.withPackages(x)', own],
    ['nosuch.withPackages(x)', own],
    ['strange.withPackages(requests)', own],
    ['plain.withPackages(requests)', own],
    ['lib.withFeature(requests)', own],
  ])('%s', async (name, instead) => {
    expect(await told(name)).toEqual([
      `\`packages\` has ${name}, which leads to no package with modules in SET; ${instead}`,
    ])
  })
})
