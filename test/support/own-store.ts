import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { need } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * What a step changes in `/nix` is in `folder` alone. `wrapper` starts it: a program, and arguments before the step's
 * own.
 */
export type OwnStore = AsyncDisposable & { readonly folder: string; readonly wrapper: readonly string[] }

/**
 * A `/nix` that has all that the machine's has. It begins with commands of a shell, run by root; `$daemon`, which they
 * may set, is ended with the step.
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
