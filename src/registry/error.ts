/** An answer of a registry that was not expected. `code` is the OCI error code in its body, where it has one. */
export class RegistryError extends Error {
  override name = 'RegistryError'
  readonly status: number
  readonly code: string | undefined

  constructor(request: string, status: number, code: string | undefined, detail: string) {
    super(`${request} answered ${[status, code, detail].filter(Boolean).join(' ')}`)
    this.status = status
    this.code = code
  }
}
