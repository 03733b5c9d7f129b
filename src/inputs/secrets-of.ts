import { urlSecrets } from '../lib/url-secrets.ts'
import type { GetInput } from './problem.ts'

/** Inputs that are secret as a whole. */
const secretInputs = ['password', 'github-token', 'cache-signing-key']

/** Inputs that may have a URL with a secret in it. */
const urlInputs = ['nixpkgs', 'nix-url', 'image', 'tags', 'token-hosts']

/** All secrets in the inputs. They are needed before the inputs are checked, since a problem may quote its input. */
export const secretsOf = (get: GetInput): string[] => [
  ...secretInputs.map(get).filter((value) => value !== ''),
  // A key has the form `NAME:BASE64`. The second half alone is a secret too.
  ...get('cache-signing-key')
    .split(':')
    .slice(1)
    .filter((value) => value.trim() !== ''),
  ...urlInputs.flatMap((name) => get(name).split(/\s+/)).flatMap(urlSecrets),
  ...configSecrets(get('nix-config')),
]

/**
 * The secrets in lines for nix.conf: the passwords in URLs, and the tokens of `access-tokens`, which are `HOST=TOKEN`.
 * Lines that Nix will not understand count too. Source: the Nix manual, "nix.conf".
 */
const configSecrets = (config: string): string[] =>
  config.split('\n').flatMap((line) => {
    const [, tokens = ''] = /access-tokens[\s=]*(.*)/.exec(line) ?? []
    const given = tokens.split(/\s+/).map((word) => word.slice(word.indexOf('=') + 1))
    // The prefixes `PAT:` and `OAuth2:` name the kind of token.
    const bare = given.map((token) => token.replace(/^(PAT|OAuth2):/, ''))
    return [...given, ...bare, ...line.split(/\s+/).flatMap(urlSecrets)].filter((value) => value !== '')
  })
