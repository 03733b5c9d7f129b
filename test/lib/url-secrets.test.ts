import { describe, expect, test } from 'vitest'
import { shownUrl, urlSecrets } from '../../src/lib/url-secrets.ts'

test.each([
  ['https://example.org/a.tar.gz', 'https://example.org/a.tar.gz'],
  ['https://example.org/a.tar.gz?token=x#sha256-y', 'https://example.org/a.tar.gz#sha256-y'],
  ['https://me:secret@example.org:8/a@b?c@d', 'https://example.org:8/a@b'],
  ['git+ssh://git@example.org/a', 'git+ssh://example.org/a'],
])('of %s, %s is shown', (url, shown) => {
  expect(shownUrl(url)).toBe(shown)
})

describe('what may be secret in a URL', () => {
  test.each<[string, string[]]>([
    ['https://example.org/a.tar.gz#sha256-abcdefgh', []],
    ['https://example.org/a?rev=0123456789abcdef&narHash=sha256-abcdef', []],
    ['https://example.org/a?token=abcdef', ['token=abcdef', 'abcdef']],
    [
      'https://example.org/a?rev=0123456&sig=a%2Fb%7Cc%3D',
      [
        ...['rev=0123456&sig=a%2Fb%7Cc%3D', 'rev=0123456&sig=a/b|c='],
        ...['sig=a%2Fb%7Cc%3D', 'sig=a/b|c=', 'sig=a/b%7Cc='],
        ...['a%2Fb%7Cc%3D', 'a/b|c=', 'a/b%7Cc='],
      ],
    ],
    ['https://example.org/a?abcdefgh', ['abcdefgh']],
    ['https://example.org/a?page=firstone', ['page=firstone']],
    ['https://example.org/a?v=1', []],
    ['https://me:pass/word@example.org/a', ['me:pass/word', 'me%3Apass%2Fword', 'pass/word', 'pass%2Fword']],
    ['https://example.org/a?x=%zz%zz', ['x=%zz%zz', 'x=%25zz%25zz']],
  ])('%s is %j', (url, secrets) => {
    expect(urlSecrets(url)).toEqual(secrets)
  })

  test('is in nothing that is shown', () => {
    const url = 'https://abc:defghij@example.org/a?token=klmnopq&r=stuvwxyz#z'
    for (const secret of urlSecrets(url)) expect(shownUrl(url)).not.toContain(secret)
  })
})
