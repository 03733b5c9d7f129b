import { urlSecrets } from '../lib/url-secrets.ts'
import type { GetInput } from './problem.ts'

/** Inputs that are secret as a whole. */
const secretInputs = ['password', 'github-token', 'cache-signing-key']

/** Inputs that may be a URL, with something secret in it. */
const urlInputs = ['nixpkgs', 'nix-url', 'image', 'tags']

/** All in the inputs that nobody may see, before they are checked: what is wrong with one may be told with its text. */
export const secretsOf = (get: GetInput): string[] => [
  ...secretInputs.map(get).filter((value) => value !== ''),
  // A key is written as `NAME:BASE64`, and both halves alone are not told either.
  ...get('cache-signing-key')
    .split(':')
    .slice(1)
    .filter((value) => value.trim() !== ''),
  ...urlInputs.flatMap((name) => get(name).split(/\s+/)).flatMap(urlSecrets),
  ...configSecrets(get('nix-config')),
]

/**
 * Of lines for nix.conf: the tokens of `access-tokens`, which are `HOST=TOKEN`, also in a line that Nix will not
 * understand, and the passwords in URLs. Source: the Nix manual, "nix.conf".
 */
const configSecrets = (config: string): string[] =>
  config.split('\n').flatMap((line) => {
    const [, tokens = ''] = /access-tokens[\s=]*(.*)/.exec(line) ?? []
    const given = tokens.split(/\s+/).map((word) => word.slice(word.indexOf('=') + 1))
    // `PAT:…` and `OAuth2:…` say which kind of token it is.
    const bare = given.map((token) => token.replace(/^(PAT|OAuth2):/, ''))
    return [...given, ...bare, ...line.split(/\s+/).flatMap(urlSecrets)].filter((value) => value !== '')
  })
