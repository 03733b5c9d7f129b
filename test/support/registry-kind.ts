import { type Answer, type Asked, error, type Quirks, type StrictRegistry } from './strict-registry.ts'

/**
 * What a registry is known to want or to say, by public reports, and what a push does about it. The table of
 * docs/registries.md is drawn from these rows, and test/registry/kinds.test.ts plays each of them.
 */
export type RegistryKind = {
  readonly registry: string
  /** What it wants, or says. */
  readonly wants: string
  readonly does: string
  /** As `owner/repository#number`. */
  readonly reports: readonly string[]
  /** How the strict registry plays it. */
  readonly play: (registry: () => StrictRegistry) => Quirks
  /** What the run says, with HOST for the registry; without it, the image is pushed. */
  readonly says?: string
}

type Answers = NonNullable<Quirks['answers']>

export const isStart = ({ method }: Asked): boolean => method === 'POST'
export const isBlob = ({ method, path }: Asked): boolean => method === 'PUT' && path.includes('/blobs/')
export const isManifest = ({ method, path }: Asked): boolean => method === 'PUT' && path.includes('/manifests/')
export const isTag = (asked: Asked): boolean => isManifest(asked) && !asked.path.includes('sha256:')

/** Answers requests that fit, of who has a token. A token is good for `uses` requests. */
export const withToken = (fits: (asked: Asked) => boolean, answer: (asked: Asked) => Answer, uses = 1000): Answers => {
  let tokens = 0
  let left = 0
  return (asked) => {
    if (asked.path.startsWith('/token?')) {
      left = uses
      return { status: 200, body: JSON.stringify({ token: `token-${++tokens}` }) }
    }
    if (asked.headers.authorization !== `Bearer token-${tokens}` || left-- <= 0) return challenge(asked)
    return fits(asked) ? answer(asked) : undefined
  }
}

/** Asks for a token. */
export const challenge = ({ headers }: Asked): Answer => ({
  ...error(401, 'UNAUTHORIZED', 'authentication required'),
  headers: { 'www-authenticate': `Bearer realm="http://${headers.host}/token",service="registry"` },
})

/** Answers requests that fit, of who sends name and password each time, as ECR wants it. */
export const withPassword =
  (fits: (asked: Asked) => boolean, answer: (asked: Asked) => Answer): Answers =>
  (asked) => {
    if (asked.headers.authorization === `Basic ${btoa('me:secret')}`) return fits(asked) ? answer(asked) : undefined
    const realm = `Basic realm="https://${asked.headers.host}/",service="ecr.amazonaws.com"`
    return { status: 401, headers: { 'www-authenticate': realm }, body: 'Not Authorized' }
  }

/** Answers requests that fit, and asks nobody who they are. */
export const plainly =
  (fits: (asked: Asked) => boolean, answer: (asked: Asked) => Answer | undefined): Answers =>
  (asked) =>
    fits(asked) ? answer(asked) : undefined

/** Refuses requests that fit to somebody who has a token. */
export const refuses = (fits: (asked: Asked) => boolean, answer: Answer) => () => ({
  answers: withToken(fits, () => answer),
})
