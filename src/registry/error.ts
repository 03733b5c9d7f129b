import { UserError } from '../lib/error.ts'

/**
 * An answer of a registry that was not expected. `code` is the OCI error code in its body, where it has one;
 * `retryAfter` the milliseconds that it wants to be left alone for.
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
 * Trouble that may be over in a moment, above all no answer. `tries` is how often it makes sense to ask in all;
 * `waited` for how long before it nothing came, in milliseconds, where that is known.
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

/** The answer that an error is about, or was explained from. */
export const answerOf = (error: unknown): RegistryError | undefined => {
  if (error instanceof RegistryError) return error
  return error instanceof Error && error.cause instanceof RegistryError ? error.cause : undefined
}

/** GitHub's limit of what one account may write in a while. It looks like a refusal, and passes after some minutes. */
export const isSecondaryLimit = ({ status, detail }: RegistryError): boolean =>
  status === 403 && /secondary rate limit/i.test(detail)

/** The registry does not take what was sent, and would not take it later: whatever it calls the reason. */
export const isRefusal = (error: unknown): boolean => {
  const { status = 0 } = answerOf(error) ?? {}
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status)
}

/** A manifest was refused because what it names is not there; GHCR also says so of blobs that it has just taken. */
export const isMissingContent = (error: unknown): boolean => {
  const { status = 0, code = '', detail = '' } = answerOf(error) ?? {}
  if (status < 400 || status > 499) return false
  return ['BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'].includes(code) || /unknown blob/i.test(detail)
}
