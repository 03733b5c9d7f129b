import { UserError } from '../lib/error.ts'

/**
 * An unexpected answer of a registry. `code` is the OCI error code in its body, if there is one, and `detail` its own
 * words, see `answerWords`. `retryAfter` is how long the registry asks to wait, in milliseconds.
 */
export class RegistryError extends Error {
  override name = 'RegistryError'
  readonly status: number
  readonly code: string | undefined
  readonly detail: string
  readonly retryAfter: number | undefined

  constructor(request: string, status: number, code: string | undefined, detail: string, retryAfter?: number) {
    super(`${request} answered ${[status, code, detail].filter(Boolean).join(' ')}`)
    this.status = status
    this.code = code
    this.detail = detail
    this.retryAfter = retryAfter
  }
}

/**
 * A fault that may pass soon, usually a missing answer. `tries` is how often the work is tried in all. `waited` is how
 * long nothing came before the fault, in milliseconds, if that is known.
 */
export class TransientError extends UserError {
  override name = 'TransientError'
  readonly tries: number
  readonly waited: number | undefined

  constructor(
    message: string,
    {
      tries = Number.POSITIVE_INFINITY,
      waited,
      cause,
    }: { tries?: number | undefined; waited?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.tries = tries
    this.waited = waited
  }
}

/** The answer that caused an error, if the error or its cause is one. */
export const answerOf = (error: unknown): RegistryError | undefined => {
  if (error instanceof RegistryError) return error
  return error instanceof Error && error.cause instanceof RegistryError ? error.cause : undefined
}

/**
 * Whether this is GitHub's limit on how much one account may write in a while. It looks like a refusal, but passes
 * after some minutes.
 */
export const isSecondaryLimit = ({ status, detail }: RegistryError): boolean =>
  status === 403 && /secondary rate limit/i.test(detail)

/**
 * Whether the registry refuses what was sent, and would refuse it later too. The status decides, since registries give
 * many reasons.
 */
export const isRefusal = (error: unknown): boolean => {
  const { status = 0 } = answerOf(error) ?? {}
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status)
}

/**
 * Whether a manifest was refused because something that it names is missing. GHCR also says so of blobs that it has
 * just accepted.
 */
export const isMissingContent = (error: unknown): boolean => {
  const { status = 0, code = '', detail = '' } = answerOf(error) ?? {}
  if (status < 400 || status > 499) return false
  if (['BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'].includes(code)) return true
  // The second form is ECR's, whose code would be that of a lost upload.
  return /unknown blob|^layers with digests? .* do(es)? not exist/i.test(detail)
}
