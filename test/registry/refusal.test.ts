import { describe, expect, test } from 'vitest'
import { RegistryError } from '../../src/registry/error.ts'
import { explainRefusal, refusedPlace } from '../../src/registry/refusal.ts'

const me = { username: 'me', password: 'secret' }
const github = { registry: 'ghcr.io', name: 'owner/tools' }
const enterprise = { registry: 'containers.ghe.example.org', name: 'owner/tools' }
const other = { registry: 'example.org', name: 'tools' }

describe('a refusal says what is missing:', () => {
  test.each([
    [
      401,
      github,
      me,
      'ghcr.io refuses the credentials of me (it says "no such thing"); give the job `permissions: packages: write`, or check `username` and `password`.',
    ],
    [
      401,
      github,
      undefined,
      'ghcr.io wants credentials and there are none; where the workflow runs on github.com, leave `github-token` at its default, or else give `username` and `password`.',
    ],
    [
      401,
      enterprise,
      me,
      'containers.ghe.example.org refuses the credentials of me (it says "no such thing"); give the job `permissions: packages: write`, or check `username` and `password`.',
    ],
    [
      401,
      enterprise,
      undefined,
      'containers.ghe.example.org wants credentials and there are none; where the workflow runs on ghe.example.org, leave `github-token` at its default, or else give `username` and `password`.',
    ],
    [
      403,
      enterprise,
      me,
      'containers.ghe.example.org does not let this job push to containers.ghe.example.org/owner/tools (it says "no such thing"); give the job `permissions: packages: write`, and if the package was not first pushed from this repository, give the repository the role "Write" under "Manage Actions access" in the package\'s settings.',
    ],
    [
      401,
      other,
      me,
      'example.org refuses the credentials of me (it says "no such thing"); check `username` and `password`, or what docker/login-action was given.',
    ],
    [
      401,
      other,
      undefined,
      'example.org wants credentials and there are none; give `username` and `password`, or log in with docker/login-action before this step.',
    ],
    [
      403,
      github,
      me,
      'ghcr.io does not let this job push to ghcr.io/owner/tools (it says "no such thing"); give the job `permissions: packages: write`, and if the package was not first pushed from this repository, give the repository the role "Write" under "Manage Actions access" in the package\'s settings.',
    ],
    [
      403,
      other,
      me,
      'example.org does not let me push to example.org/tools (it says "no such thing"); use credentials that may write to it, as a token with the right to write, and check the name in `image`.',
    ],
    [
      403,
      other,
      undefined,
      'example.org wants credentials and there are none; give `username` and `password`, or log in with docker/login-action before this step.',
    ],
    [
      404,
      other,
      me,
      'example.org does not know example.org/tools (it says "no such thing"); make that repository there first, or check `image`.',
    ],
    [
      429,
      other,
      me,
      'example.org limits how often it may be asked (it says "no such thing"); run the job again later.',
    ],
    [503, other, me, 'example.org is out of order (it answers 503: "no such thing"); run the job again later.'],
    [
      400,
      other,
      me,
      'example.org refuses what was sent: PUT https://example.org/v2/tools/manifests/v1 answered 400 MANIFEST_INVALID no such thing; check that it takes OCI images.',
    ],
  ])('%d of %j with %j', (status, repository, credentials, sentence) => {
    const error = new RegistryError(
      'PUT https://example.org/v2/tools/manifests/v1',
      status,
      'MANIFEST_INVALID',
      'no such thing',
    )
    const explained = explainRefusal(error, repository, credentials)
    expect(explained.message).toBe(sentence)
    expect(explained.cause).toBe(error)
  })

  test('of somebody who is known', () => {
    const error = new RegistryError('POST https://example.org/', 401, 'UNAUTHORIZED', 'insufficient_scope')
    expect(explainRefusal(error, other, me, true).message).toBe(
      'example.org does not let me push to example.org/tools (it says "insufficient_scope"); use credentials that may write to it, as a token with the right to write, and check the name in `image`.',
    )
  })

  test.each([
    [
      400,
      'TAG_INVALID',
      'the tag is immutable',
      'does not let a tag of example.org/tools move (it says "the tag is immutable"); set a new tag in `tags`, or let tags move in the registry\'s settings.',
    ],
    [
      412,
      'PRECONDITION',
      'configured as immutable',
      'does not let a tag of example.org/tools move (it says "configured as immutable"); set a new tag in `tags`, or let tags move in the registry\'s settings.',
    ],
    [
      409,
      'CONFLICT',
      'x',
      'refuses what was sent: PUT u answered 409 CONFLICT x; see what it says, and run the job again.',
    ],
    [415, '', '', 'refuses what was sent: PUT u answered 415; check that it takes OCI images.'],
  ])('of what was sent, %d %s %s', (status, code, detail, sentence) => {
    expect(explainRefusal(new RegistryError('PUT u', status, code, detail), other, me).message).toBe(
      `example.org ${sentence}`,
    )
  })
})

describe('the words of a registry', () => {
  const told = (status: number, detail: string, code = ''): string =>
    explainRefusal(new RegistryError('PUT u', status, code, detail), other, me).message

  test.each([
    '',
    'denied',
    'Unauthorized.',
    'authentication required',
    'requested access to the resource is denied',
    'access to the resource is denied',
    'manifest unknown',
    'blob unknown to registry',
    'repository name not known to registry',
  ])('are left out where they say no more than the status: %s', (words) => {
    for (const status of [401, 403, 404, 413, 429, 503]) expect(told(status, words)).not.toMatch(/says|: "/)
  })

  test('are in quotes of their own, and only their beginning is in the sentence', () => {
    expect(told(403, 'a "quoted" word')).toContain(`(it says "a 'quoted' word");`)
    expect(told(404, 'x'.repeat(1000))).toContain(`(it says "${'x'.repeat(300)}…");`)
    expect(told(403, `quota exceeded ${'x'.repeat(1000)}`)).toBe(
      `example.org says "quota exceeded ${'x'.repeat(285)}…"; delete images there, or have the quota raised.`,
    )
  })

  test('that end with a stop have none before what to do, and are cut off there too', () => {
    expect(told(409, 'It is there.')).toBe(
      'example.org refuses what was sent: PUT u answered 409 It is there; see what it says, and run the job again.',
    )
    expect(told(409, 'x'.repeat(1000)).length).toBeLessThan(800)
  })

  test('of several known kinds say what to do', () => {
    expect(told(413, 'more than 5 GiB')).toBe(
      'example.org refuses a blob as too large (it says "more than 5 GiB"); raise `max-layers`, which makes the layers smaller.',
    )
    expect(told(405, 'System is currently read-only. Pulls will succeed.', 'DENIED')).toBe(
      'example.org says "System is currently read-only. Pulls will succeed."; run the job again when it takes images again.',
    )
    expect(told(403, 'tag v1 is immutable')).toMatch(
      /^example\.org does not let a tag of example\.org\/tools move \(it says "tag v1 is immutable"\);/,
    )
  })
})

test.each([
  [
    'http://example.org',
    'which has no HTTPS; nothing was sent there. Let the proxy in front of it say that it is reached by HTTPS, as with `X-Forwarded-Proto: https`.',
  ],
  [
    'https://10.0.0.1',
    'which has no HTTPS or leads to a private address; nothing was sent there. Use a registry that answers itself.',
  ],
])('a place at %s is refused', (origin, rest) => {
  expect(refusedPlace(other, new URL(`${origin}/v2/upload`)).message).toBe(
    `example.org wants requests to be sent to ${origin}, ${rest}`,
  )
})
