/**
 * `tokenHosts` are hosts beside the registry's own that may get these credentials in exchange for a token. Each is
 * written as a URL has it.
 */
export type Credentials = {
  readonly username: string
  readonly password: string
  readonly tokenHosts?: readonly string[]
}

/**
 * The user name that stands for an identity token: the password is then a token that is exchanged for other tokens. `az
 * acr login` stores such credentials. Source: the protocol of docker-credential-helpers,
 * https://github.com/docker/docker-credential-helpers#development
 */
export const identityToken = '<token>'
