import { expect, test } from 'vitest'
import { rootFileSystem } from '../../src/archive/root-file-system.ts'

const linksTo = (names: string[]): Map<string, string> => new Map(names.map((name) => [name, `/nix/store/${name}`]))

const names = (existing: string[]): string[] => rootFileSystem(linksTo(existing)).map(({ name }) => name)

test('anybody may write to /tmp and /var/tmp, and remove only what is theirs', () => {
  const entries = rootFileSystem(new Map())
  for (const name of ['tmp', 'var/tmp'])
    expect(entries.find((entry) => entry.name === name)).toMatchObject({ mode: 0o1777 })
})

test('/usr/bin/env is there where the packages have env', () => {
  expect(names(['bin/env'])).toContain('usr/bin/env')
  expect(names([])).not.toContain('usr/bin/env')
})

test('a file that a package brings is left to it', () => {
  expect(names(['etc/passwd'])).not.toContain('etc/passwd')
  expect(names(['etc/passwd'])).toContain('etc/group')
})

test('parents come before what is in them, names in code unit order', () => {
  const all = names(['bin/env'])
  expect(all).toEqual(all.toSorted())
  for (const name of all) if (name.includes('/')) expect(all).toContain(name.slice(0, name.lastIndexOf('/')))
})

test('a directory does not hide a link that a package brings, nor what is behind it', () => {
  expect(names(['bin/env', 'usr/bin'])).not.toContain('usr/bin')
  expect(names(['bin/env', 'usr/bin'])).not.toContain('usr/bin/env')
  expect(names(['var/tmp'])).not.toContain('var/tmp')
  expect(names(['var/tmp'])).toContain('var')
})
