import { parseJson, record } from '../lib/check.ts'
import { CommandError, command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import type { Credentials } from './login.ts'

/** `environment` is all that the program gets to see; `limit` how long it may take, in milliseconds. */
export type HelperPorts = {
  readonly environment: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly limit?: number
}

/** More than any user and secret, in bytes. */
const outputLimit = 1_000_000

/**
 * What a credential helper, named as Docker's configuration names it, knows of a server; `undefined` where it knows
 * nothing. An identity token has the user `<token>`. Throws a `UserError` if it cannot be asked, takes longer than a
 * minute or writes without end. Source: the protocol of docker-credential-helpers,
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
