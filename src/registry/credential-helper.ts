import { parseJson, record } from '../lib/check.ts'
import { CommandError, command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import type { Credentials } from './login.ts'

/** `environment` is the whole environment of the program; `limit` is its time limit in milliseconds. */
export type HelperPorts = {
  readonly environment: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly limit?: number
}

/** In bytes. More than any user name and secret need. */
const outputLimit = 1_000_000

/**
 * Asks a credential helper, by its name in Docker's configuration, for the credentials of a server. Returns `undefined`
 * if it has none. An identity token has the user name `<token>`. Throws a `UserError` if the helper fails, takes longer
 * than a minute or prints without end. Source: the protocol of docker-credential-helpers,
 * https://github.com/docker/docker-credential-helpers#development
 */
export const askCredentialHelper = async (
  name: string,
  server: string,
  { environment, signal, limit = 60_000 }: HelperPorts,
): Promise<Credentials | undefined> => {
  const program = `docker-credential-${name}`
  const failed = (reason: string, cause?: unknown): UserError =>
    new UserError(
      `${program}, which Docker's config.json names, gives no credentials for ${server} (${reason}); log in again, or give \`username\` and \`password\`.`,
      { cause },
    )
  if (!/^[\w.-]+$/.test(name)) throw failed('it is not the name of a helper')
  const late = AbortSignal.timeout(limit)
  let answer: Record<string, unknown>
  try {
    const ends = { signal: AbortSignal.any([signal, late]), endAll: true, outputLimit }
    answer = record(
      parseJson(await command(program, ['get'], { environment, input: server, ...ends }), program),
      program,
    )
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted) throw failed(`it gave no answer in ${limit / 1000} s`, error)
    if (error instanceof CommandError && /credentials not found/i.test(error.stdout + error.stderr)) return undefined
    throw failed(error instanceof Error ? error.message : String(error), error)
  }
  const { Username: username, Secret: password } = answer
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  throw failed('its answer has no user and secret')
}
