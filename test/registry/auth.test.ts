import { describe, expect, test } from 'vitest'
import { authorize, parseChallenge } from '../../src/registry/auth.ts'
import { isTrustedRealm, registryOrigin } from '../../src/registry/origin.ts'

describe('a challenge', () => {
  test.each([
    [
      'of a token server',
      'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push"',
      {
        scheme: 'bearer',
        parameters: { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:a/b:pull,push' },
      },
    ],
    [
      'for basic authentication',
      'Basic realm="a \\"quoted\\" name"',
      { scheme: 'basic', parameters: { realm: 'a "quoted" name' } },
    ],
    [
      'with plain values and spaces',
      '  bearer  Realm=x , Service = "y"',
      { scheme: 'bearer', parameters: { realm: 'x' } },
    ],
    ['without parameters', 'Negotiate', { scheme: 'negotiate', parameters: {} }],
    ['that is empty', '', undefined],
  ])('%s is read', (_, header, expected) => {
    expect(parseChallenge(header)).toEqual(expected)
  })
})

describe('credentials', () => {
  test.each([
    ['ghcr.io', 'https://ghcr.io/token', true],
    ['ghcr.io', 'https://ghcr.io:444/token', false],
    ['ghcr.io', 'http://ghcr.io/token', false],
    ['ghcr.io', 'https://auth.docker.io/token', false],
    ['ghcr.io', 'https://ghcr.io.example.org/token', false],
    ['docker.io', 'https://auth.docker.io/token', true],
    ['docker.io', 'http://auth.docker.io/token', false],
    ['127.0.0.1:5000', 'http://127.0.0.1:5001/token', true],
    ['127.0.0.1:5000', 'https://example.org/token', false],
    ['example.org', 'http://127.0.0.1:5001/token', false],
    ['example.org', 'http://169.254.169.254/token', false],
  ])('for %s may go to %s: %s', (registry, realm, expected) => {
    expect(isTrustedRealm(registry, new URL(realm))).toBe(expected)
  })

  const ports = {
    secret: () => {},
    signal: new AbortController().signal,
    idleLimit: 1000,
    onSent: () => {},
    redact: (text: string) => text,
  }

  test('are not sent to a realm that is not the registry’s, and the error says so', async () => {
    const challenge = { scheme: 'bearer', parameters: { realm: 'https://example.org/token' } }
    const credentials = { username: 'me', password: 'secret' }
    await expect(authorize(challenge, { registry: 'ghcr.io', name: 'a/b' }, credentials, ports)).rejects.toThrow(
      'ghcr.io asks for its credentials to be sent to example.org, which is not that registry; they were not sent.',
    )
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
