import type { Nix } from './nix.ts'
import type { SigningKey } from './signing-key.ts'

/**
 * Nix for store paths of unknown origin. It accepts only paths that have a valid signature of a trusted key or of
 * `signingKey`, or that are named by their content. It builds nothing and asks no substituter. No setting in nix.conf
 * can change this.
 */
export const restrictNix = (nix: Nix, signingKey: SigningKey | undefined): Nix => {
  const settings = {
    'require-sigs': 'true',
    'max-jobs': '0',
    builders: '',
    substitute: 'false',
    substituters: '',
    ...(signingKey && { 'extra-trusted-public-keys': signingKey.publicKey }),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  return (program, args, callOptions) => nix(program, [...args, ...options], callOptions)
}

/** Whether Nix trusts this user. A daemon that does not accepts neither keys nor paths from this user. */
export const trustsUser = async (nix: Nix): Promise<boolean> => {
  let isTrusted = true
  const onLine = (line: string): void => {
    if (/ignoring .*(untrusted|not a trusted user)/.test(line)) isTrusted = false
  }
  // All versions log this for a substituter. This one is never asked for anything.
  const options = ['--option', 'substituters', 'file:///nowhere']
  await nix('nix-store', ['--check-validity', '--print-invalid', ...options, nothing], { onLine })
  return isTrusted
}

/** A daemon reports that it rejects settings only when it has to answer a query, such as one about this path. */
const nothing = `/nix/store/${'0'.repeat(32)}-none`
