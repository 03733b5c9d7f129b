/**
 * The Actions cache service that the runner names. `program` is the action itself, which runs again in a process of its
 * own to talk to the service. `environment` is all that `@actions/cache` needs besides the token.
 */
export type CacheService = {
  readonly program: string
  readonly token: string
  readonly environment: Readonly<Record<string, string>>
}
