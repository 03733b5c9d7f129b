import type { Nix } from './nix.ts'
import type { SigningKey } from './signing-key.ts'

/**
 * Nix for store paths of which nobody knows where they come from: it takes only what has a valid signature of a trusted
 * key or of `signingKey`, or is named by its content, builds nothing and asks no substituter, whatever nix.conf says.
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

/** Whether Nix does what this user asks for; a daemon may not trust the user, and takes neither keys nor paths then. */
export const trustsUser = async (nix: Nix): Promise<boolean> => {
  let isTrusted = true
  const onLine = (line: string): void => {
    if (/ignoring .*(untrusted|not a trusted user)/.test(line)) isTrusted = false
  }
  // All versions say it of a substituter. This one is never asked for anything.
  const options = ['--option', 'substituters', 'file:///nowhere']
  await nix('nix-store', ['--check-validity', '--print-invalid', ...options, nothing], { onLine })
  return isTrusted
}

/** Only a question that a daemon has to answer makes it say what it thinks of the settings. */
const nothing = `/nix/store/${'0'.repeat(32)}-none`
