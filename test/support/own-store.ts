import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { need } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * `folder` has everything that a step changes in `/nix`. `wrapper` starts the step: a program and its first arguments,
 * which come before the step's own.
 */
export type OwnStore = AsyncDisposable & { readonly folder: string; readonly wrapper: readonly string[] }

/**
 * A `/nix` with everything that the machine's has. Root runs the shell commands in it first. If they set `$daemon` to a
 * process ID, that process is ended after the step.
 */
export const ownStore = async (commands: string): Promise<OwnStore> => {
  const temporary = await temporaryFolder('own-store')
  await chmod(temporary.path, 0o755)
  const folder = join(temporary.path, 'upper')
  await mkdir(folder)
  await mkdir(join(temporary.path, 'work'))
  const script = `
set -u
mount -t overlay overlay -o "lowerdir=/nix,upperdir=$0/upper,workdir=$0/work" /nix || exit 1
daemon=
${commands}
"$@"
code=$?
[ ! "$daemon" ] || kill "$daemon"
exit $code`
  return {
    folder,
    wrapper: [
      ...[need('unshare', 'util-linux'), '--mount', '--propagation', 'private'],
      ...[need('bash', 'bash'), '-c', script, temporary.path],
    ],
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}
