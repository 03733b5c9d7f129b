import { describe, expect, test } from 'vitest'
import { RegistryError } from '../../src/registry/error.ts'
import { explainRefusal } from '../../src/registry/refusal.ts'

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
      'ghcr.io refuses the credentials of me; give the job `permissions: packages: write`, or check `username` and `password`.',
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
      'containers.ghe.example.org refuses the credentials of me; give the job `permissions: packages: write`, or check `username` and `password`.',
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
      'containers.ghe.example.org does not let this job push to containers.ghe.example.org/owner/tools; give the job `permissions: packages: write`, and if the package was not first pushed from this repository, give the repository the role "Write" under "Manage Actions access" in the package\'s settings.',
    ],
    [
      401,
      other,
      me,
      'example.org refuses the credentials of me; check `username` and `password`, or what docker/login-action was given.',
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
      'ghcr.io does not let this job push to ghcr.io/owner/tools; give the job `permissions: packages: write`, and if the package was not first pushed from this repository, give the repository the role "Write" under "Manage Actions access" in the package\'s settings.',
    ],
    [403, other, me, 'example.org does not let me push to example.org/tools; use credentials that may write to it.'],
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
      'example.org does not know example.org/tools; make that repository there first, or check `image`.',
    ],
    [429, other, me, 'example.org limits how often it may be asked; run the job again later.'],
    [503, other, me, 'example.org is out of order (it answers 503); run the job again later.'],
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
      'example.org does not let me push to example.org/tools; use credentials that may write to it.',
    )
  })

  test.each([
    [
      400,
      'TAG_INVALID',
      'the tag is immutable',
      "does not let a tag of example.org/tools move: PUT u answered 400 TAG_INVALID the tag is immutable; set a new tag in `tags`, or let tags move in the registry's settings.",
    ],
    [
      412,
      'PRECONDITION',
      'configured as immutable',
      "does not let a tag of example.org/tools move: PUT u answered 412 PRECONDITION configured as immutable; set a new tag in `tags`, or let tags move in the registry's settings.",
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
