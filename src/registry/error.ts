import { UserError } from '../error.ts'

/**
 * An answer of a registry that was not expected. `code` is the OCI error code in its body, where it has one; `retryAfter`
 * the milliseconds that it wants to be left alone for.
 */
export class RegistryError extends Error {
  override name = 'RegistryError'
  readonly status: number
  readonly code: string | undefined
  readonly retryAfter: number | undefined

  constructor(request: string, status: number, code: string | undefined, detail: string, retryAfter?: number) {
    super(`${request} answered ${[status, code, detail].filter(Boolean).join(' ')}`)
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** A registry that did not answer, or broke off. */
export class NoAnswerError extends UserError {
  override name = 'NoAnswerError'
}

/** A manifest was refused since it names a blob that the registry does not have. Source: OCI distribution specification, "Error Codes". */
export const isBlobUnknown = (error: unknown): boolean => {
  const answer = error instanceof Error && error.cause instanceof RegistryError ? error.cause : error
  return answer instanceof RegistryError && ['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN'].includes(answer.code ?? '')
}
