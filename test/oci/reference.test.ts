import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatRepository,
  isTag,
  parseReference,
  parseRepository,
  type Repository,
  sameRepository,
} from '../../src/oci/reference.ts'

describe('a repository', () => {
  test.each<[string, Repository]>([
    ['ghcr.io/owner/name', { registry: 'ghcr.io', name: 'owner/name' }],
    ['ghcr.io/name', { registry: 'ghcr.io', name: 'name' }],
    ['GHCR.io/Owner/Name', { registry: 'ghcr.io', name: 'owner/name' }],
    ['quay.io/a/b/c/d', { registry: 'quay.io', name: 'a/b/c/d' }],
    ['localhost/name', { registry: 'localhost', name: 'name' }],
    ['localhost:5000/name', { registry: 'localhost:5000', name: 'name' }],
    ['registry:5000/name', { registry: 'registry:5000', name: 'name' }],
    ['127.0.0.1:5000/a/b', { registry: '127.0.0.1:5000', name: 'a/b' }],
    ['[::1]:5000/name', { registry: '[::1]:5000', name: 'name' }],
    ['my-registry.example.org/a.b_c__d---e', { registry: 'my-registry.example.org', name: 'a.b_c__d---e' }],
    ['123.dkr.ecr.eu-west-1.amazonaws.com/x', { registry: '123.dkr.ecr.eu-west-1.amazonaws.com', name: 'x' }],
  ])('%s is read', (text, repository) => {
    expect(parseRepository(text)).toEqual(repository)
    expect(formatRepository(repository)).toBe(text.toLowerCase())
  })

  test.each([
    ['nothing', ''],
    ['a name without a registry', 'name'],
    ['an owner in place of a registry', 'owner/name'],
    ['a tag', 'ghcr.io/owner/name:tag'],
    ['a digest', `ghcr.io/owner/name@sha256:${'0'.repeat(64)}`],
    ['a scheme', 'https://ghcr.io/owner/name'],
    ['no name', 'ghcr.io/'],
    ['a slash at the end', 'ghcr.io/owner/'],
    ['two slashes', 'ghcr.io//name'],
    ['white space', 'ghcr.io/owner/na me'],
    ['a line break at the end', 'ghcr.io/owner/name\n'],
    ['a dot at the start of a part', 'ghcr.io/owner/.name'],
    ['two dots', 'ghcr.io/owner/../name'],
    ['three underscores', 'ghcr.io/owner/a___b'],
    ['a letter that is not ASCII', 'ghcr.io/öwner/name'],
    ['a port that is no number', 'localhost:port/name'],
    ['a port that is too high', 'localhost:99999/name'],
    ['a host that ends with a hyphen', 'ghcr-.io/name'],
    ['a user in the host', 'me@ghcr.io/name'],
  ])('is not one with %s', (_, text) => {
    expect(parseRepository(text)).toBeUndefined()
  })

  test('is the same by registry and name', () => {
    const repository = { registry: 'ghcr.io', name: 'a/b' }
    expect(sameRepository(repository, { ...repository })).toBe(true)
    expect(sameRepository(repository, { ...repository, registry: 'quay.io' })).toBe(false)
    expect(sameRepository(repository, { ...repository, name: 'a/c' })).toBe(false)
  })
})

describe('a tag', () => {
  test.each(['latest', 'v1.2.3', 'V1', '_x', '1', 'a-b_c.d', 'x'.repeat(128), 'sha-0123abc'])('is %s', (text) => {
    expect(isTag(text)).toBe(true)
  })

  test.each(['', '.x', '-x', 'a b', 'a/b', 'a:b', 'a+b', 'é', 'x\n', 'x'.repeat(129)])('is not %j', (text) => {
    expect(isTag(text)).toBe(false)
  })
})

describe('a reference', () => {
  test.each([
    ['ghcr.io/owner/name:v1', { registry: 'ghcr.io', name: 'owner/name' }, 'v1'],
    ['ghcr.io/Owner/Name:V1', { registry: 'ghcr.io', name: 'owner/name' }, 'V1'],
    ['localhost:5000/name:v1', { registry: 'localhost:5000', name: 'name' }, 'v1'],
    ['[::1]:5000/name:v1', { registry: '[::1]:5000', name: 'name' }, 'v1'],
  ])('%s is read', (text, repository, tag) => {
    expect(parseReference(text)).toEqual({ repository, tag })
  })

  test.each(['v1', 'ghcr.io/owner/name', 'localhost:5000/name', 'ghcr.io/owner/name:', ':v1', 'owner/name:v1', ''])(
    '%j is none',
    (text) => {
      expect(parseReference(text)).toBeUndefined()
    },
  )

  test('of any repository and tag is read as it was written', () => {
    const part = fc.stringMatching(/^[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*$/)
    const registry = fc.stringMatching(/^[a-z0-9]+(\.[a-z]+){1,2}(:[1-9][0-9]{0,3})?$/)
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
    const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/)
    fc.assert(
      fc.property(registry, name, tag, (registry, name, tag) => {
        const repository = { registry, name }
        expect(parseReference(`${formatRepository(repository)}:${tag}`)).toEqual({ repository, tag })
      }),
    )
  })
})
