import { expect, test } from 'vitest'
import { rootFileSystem } from '../../src/archive/root-file-system.ts'

const names = (existing: string[]): string[] => rootFileSystem(new Set(existing)).map(({ name }) => name)

test('anybody may write to /tmp and /var/tmp, and remove only what is theirs', () => {
  const entries = rootFileSystem(new Set())
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
