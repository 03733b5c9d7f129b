import { expect, test } from 'vitest'
import { parseVersionedName, versionsFor } from '../../src/nix/versions.ts'

const there = ['nodejs 24.1.0', 'nodejs_20 20.19.5', 'nodejs_22 22.3.0', 'nodejs 24.1.0', 'odd '].map((text) => {
  const [attr = '', version = ''] = text.split(' ')
  return { attr, version, refused: [] }
})
const all = 'there are `nodejs` (24.1.0), `nodejs_20` (20.19.5), `nodejs_22` (22.3.0), `odd`'

test.each([
  ['the only one of that version', 'node@22.3', 'write `nodejs_22`, which is 22.3.0'],
  ['the only one that begins like it', 'node@20.1', 'there is `nodejs_20` (20.19.5)'],
  ['each once, where none does', 'node@19', all],
  ['each once, where no version is wanted', 'node', all],
])('of versions, the user is told %s', (_, name, said) => {
  expect(versionsFor(name, there)).toBe(said)
})

test('several that begin like it are told alone', () => {
  const pythons = ['3.12.8', '3.13.1', '2.7.18'].map((version) => ({ attr: `python-${version}`, version, refused: [] }))
  expect(versionsFor('python@3.11', pythons)).toBe('there are `python-3.12.8` (3.12.8), `python-3.13.1` (3.13.1)')
})

test('one that the set refuses is told with why', () => {
  const electrons = ['39.1', '38.8'].map((version) => ({ attr: `electron_${version}`, version, refused: ['insecure'] }))
  expect(versionsFor('electron@37', electrons)).toBe(
    'there are `electron_39.1` (39.1, insecure), `electron_38.8` (38.8, insecure)',
  )
  expect(versionsFor('electron@38', electrons)).toBe('write `electron_38.8`, which is 38.8 and insecure')
})

test('nothing is told of none', () => {
  expect(versionsFor('node@19', [])).toBe('')
})

test('what is no versioned name is refused', () => {
  expect(parseVersionedName({ attr: 'a', version: '' }, 'it')).toEqual({ attr: 'a', version: '', refused: [] })
  expect(() => parseVersionedName({ attr: 'a' }, 'it')).toThrow('it.version should be a string')
})
