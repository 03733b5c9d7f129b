export type Credentials = { readonly username: string; readonly password: string }

/**
 * The name of a user whose password is a token to get tokens with, as `az acr login` leaves it. Source: the protocol of
 * docker-credential-helpers, https://github.com/docker/docker-credential-helpers#development
 */
export const identityToken = '<token>'
