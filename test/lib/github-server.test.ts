import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { githubServer } from '../../src/lib/github-server.ts'

test.each<[string, string, string | undefined]>([
  ['', 'https://github.com', 'ghcr.io'],
  ['https://github.com', 'https://github.com', 'ghcr.io'],
  ['https://github.com/', 'https://github.com', 'ghcr.io'],
  ['HTTPS://GitHub.COM:443', 'https://github.com', 'ghcr.io'],
  ['https://github.com.', 'https://github.com', 'ghcr.io'],
  ['https://ghe.example.org', 'https://ghe.example.org', 'containers.ghe.example.org'],
  ['https://GHE.Example.org/', 'https://ghe.example.org', 'containers.ghe.example.org'],
  ['https://ghe.example.org:8443', 'https://ghe.example.org:8443', 'containers.ghe.example.org:8443'],
  ['http://ghe.example.org', 'http://ghe.example.org', 'containers.ghe.example.org'],
  ['https://octocorp.ghe.com', 'https://octocorp.ghe.com', 'containers.octocorp.ghe.com'],
  ['https://github.com.example.org', 'https://github.com.example.org', 'containers.github.com.example.org'],
  ['https://example.org/git/', 'https://example.org/git', undefined],
  ['https://192.0.2.7', 'https://192.0.2.7', undefined],
])('%j is %s with the registry %s', (text, url, registry) => {
  expect(githubServer(text)).toEqual({ url, registry })
})

test.each(['github.com', 'ftp://github.com', 'https://me:secret@ghe.example.org', 'https://'])(
  '%j is refused, and not repeated',
  (text) => {
    expect(() => githubServer(text)).toThrow(
      new UserError(
        'GITHUB_SERVER_URL is no address of a GitHub server, as in https://github.com; leave it as the runner sets it.',
      ),
    )
  },
)
