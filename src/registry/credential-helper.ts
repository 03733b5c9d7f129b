import { parseJson, record } from '../check.ts'
import { CommandError, command } from '../command.ts'
import { UserError } from '../error.ts'
import type { Credentials } from '../inputs/credentials.ts'

/** `environment` is all that the program gets to see. */
export type HelperPorts = { readonly environment: Readonly<Record<string, string>>; readonly signal: AbortSignal }

/**
 * What a credential helper, named as Docker's configuration names it, knows of a server; `undefined` where it knows nothing. An identity
 * token has the user `<token>`.
 * Throws a `UserError` if it cannot be asked. Source: the protocol of docker-credential-helpers,
 * https://github.com/docker/docker-credential-helpers#development
 */
export const askCredentialHelper = async (
  name: string,
  server: string,
  ports: HelperPorts,
): Promise<Credentials | undefined> => {
  const program = `docker-credential-${name}`
  const failed = (reason: string, cause?: unknown): UserError =>
    new UserError(
      `${program}, which Docker's config.json names, gives no credentials for ${server} (${reason}); log in again, or give \`username\` and \`password\`.`,
      { cause },
    )
  if (!/^[\w.-]+$/.test(name)) throw failed('it is not the name of a helper')
  let answer: Record<string, unknown>
  try {
    answer = record(parseJson(await command(program, ['get'], { ...ports, input: server }), program), program)
  } catch (error) {
    ports.signal.throwIfAborted()
    if (error instanceof CommandError && /credentials not found/i.test(error.stdout + error.stderr)) return undefined
    throw failed(error instanceof Error ? error.message : String(error), error)
  }
  const { Username: username, Secret: password } = answer
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  throw failed('its answer has no user and secret')
}
