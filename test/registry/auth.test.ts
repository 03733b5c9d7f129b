import { describe, expect, test } from 'vitest'
import { authorize, parseChallenges } from '../../src/registry/auth.ts'
import { isTrustedRealm, registryOrigin } from '../../src/registry/trusted-hosts.ts'
import { testTransport } from '../support/test-transport.ts'

describe('a challenge', () => {
  test.each([
    [
      'of a token server',
      'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:a/b:pull,push' },
        },
      ],
    ],
    [
      'for basic authentication',
      'Basic realm="a \\"quoted\\" name"',
      [{ scheme: 'basic', parameters: { realm: 'a "quoted" name' } }],
    ],
    [
      'with plain values and spaces',
      '  bearer  Realm=https://x/y?z , Service = "y", other=two',
      [{ scheme: 'bearer', parameters: { realm: 'https://x/y?z', service: 'y', other: 'two' } }],
    ],
    ['without parameters', 'Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
    [
      'beside others',
      'Negotiate, Basic realm="r, Bearer realm=no", Bearer realm="https://r/t",service="s"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'r, Bearer realm=no' } },
        { scheme: 'bearer', parameters: { realm: 'https://r/t', service: 's' } },
      ],
    ],
    ['that is empty', '', []],
  ])('%s is read', (_, header, expected) => {
    expect(parseChallenges(header)).toEqual(expected)
  })
})

describe('credentials', () => {
  test.each([
    ['ghcr.io', 'https://ghcr.io/token', true],
    ['ghcr.io', 'https://ghcr.io:444/token', false],
    ['ghcr.io', 'http://ghcr.io/token', false],
    ['ghcr.io', 'https://auth.docker.io/token', false],
    ['ghcr.io', 'https://ghcr.io.example.org/token', false],
    ['gitlab.example.org:5050', 'https://gitlab.example.org/jwt/auth', true],
    ['registry.example.org', 'https://gitlab.example.org/jwt/auth', false],
    ['docker.io', 'https://auth.docker.io/token', true],
    ['docker.io', 'http://auth.docker.io/token', false],
    ['docker.io', 'https://registry-1.docker.io/token', true],
    ['docker.io', 'https://docker.io/token', false],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
    ['registry.digitalocean.com', 'https://api.digitalocean.com/token', true],
    ['example.org', 'https://gitlab.com/jwt/auth', false],
    ['example.org', 'https://undefined/token', false],
    ['gitlab.example.org:5050', 'http://gitlab.example.org/jwt/auth', false],
    ['gitlab.example.org:5050', 'https://gitlab.example.org:8443/jwt/auth', false],
    ['127.0.0.1:5000', 'http://localhost:5001/token', true],
    ['localhost:5000', 'http://[::1]:5001/token', true],
    ['127.0.0.1:5000', 'http://127.0.0.1:5001/token', true],
    ['127.0.0.1:5000', 'https://example.org/token', false],
    ['example.org', 'http://127.0.0.1:5001/token', false],
    ['example.org', 'http://169.254.169.254/token', false],
  ])('for %s may go to %s: %s', (registry, realm, expected) => {
    expect(isTrustedRealm(registry, new URL(realm))).toBe(expected)
  })

  const ports = { ...testTransport(), secret: () => {} }

  test('are not sent to a realm that is not the registry’s, and the error says so', async () => {
    const challenges = [{ scheme: 'bearer', parameters: { realm: 'https://example.org/token' } }]
    const credentials = { username: 'me', password: 'secret' }
    await expect(authorize(challenges, { registry: 'ghcr.io', name: 'a/b' }, credentials, ports)).rejects.toThrow(
      'ghcr.io asks for its credentials to be sent to https://example.org, which is not that registry; they were not sent. If that host gives the tokens of this registry, write `token-hosts: example.org` and give `username` and `password`, since `github-token` goes to ghcr.io only.',
    )
  })

  test('are asked for where there are none', async () => {
    const challenges = [{ scheme: 'bearer', parameters: { realm: 'https://example.org/token' } }]
    const answer = authorize(challenges, { registry: 'registry.example.org', name: 'a/b' }, undefined, ports)
    await expect(answer).rejects.toThrow('registry.example.org wants credentials and there are none')
  })

  test.each([
    ['https://gitlab.example.org/jwt/auth', ['gitlab.example.org'], true],
    ['https://gitlab.example.org/jwt/auth', [], false],
    ['https://gitlab.example.org/jwt/auth', ['example.org', 'a.gitlab.example.org'], false],
    ['https://gitlab.example.org:8443/jwt/auth', ['gitlab.example.org'], false],
    ['https://gitlab.example.org:8443/jwt/auth', ['gitlab.example.org:8443'], true],
    ['https://gitlab.example.org@example.com/jwt/auth', ['gitlab.example.org'], false],
    ['http://gitlab.example.org/jwt/auth', ['gitlab.example.org'], false],
    ['ftp://gitlab.example.org/jwt/auth', ['gitlab.example.org'], false],
    ['http://127.0.0.1:5001/token', ['127.0.0.1:5001'], true],
    ['ftp://127.0.0.1:5001/token', ['127.0.0.1:5001'], false],
    ['http://127.0.0.1:5002/token', ['127.0.0.1:5001'], false],
  ])('may go to %s with `token-hosts` %j: %s', (realm, tokenHosts, expected) => {
    expect(isTrustedRealm('registry.example.org', new URL(realm), tokenHosts)).toBe(expected)
  })
})

test.each([
  ['ghcr.io', 'https://ghcr.io'],
  ['docker.io', 'https://registry-1.docker.io'],
  ['localhost:5000', 'http://localhost:5000'],
  ['127.0.0.1', 'http://127.0.0.1'],
  ['[::1]:5000', 'http://[::1]:5000'],
  ['127.0.0.1.example.org', 'https://127.0.0.1.example.org'],
  ['10.0.0.1:5000', 'https://10.0.0.1:5000'],
])('%s is spoken to at %s', (registry, origin) => {
  expect(registryOrigin(registry)).toBe(origin)
})
