import { chmod, chown, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runAction, type StepOptions, type StepResult } from './action.ts'
import { need } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** The programs of a runner without Nix. */
const programs = [
  ...[
    'bash',
    'cat',
    'chmod',
    'find',
    'git',
    'gzip',
    'id',
    'install',
    'ls',
    'mkdir',
    'mount',
    'sh',
    'sudo',
    'tar',
    'unshare',
    'xz',
  ],
]

const nobody = 65534

export type BareMachineOptions = StepOptions & {
  /** The capacity of `/nix`, in bytes. */
  readonly size?: number
  /** Commands of the next step. They run with what the action added to the PATH and the environment. */
  readonly nextStep?: string
  /** A program and its first arguments that start the machine, as `restricted` returns them. */
  readonly machine?: readonly string[]
  /** Whether the user may use sudo. */
  readonly sudo?: boolean
}

/** `left`: the names in `/nix` afterwards, one per line. `next`: the output of the next step. */
export type BareMachineResult = StepResult & { readonly left: string; readonly next: string }

/**
 * Runs the action on a machine that has no Nix: an empty `/nix` of its own that belongs to root, a PATH without Nix,
 * and a user who is not root but may use sudo without a password.
 */
export const runOnBareMachine = async (
  inputs: Readonly<Record<string, string>>,
  { size = 2_000_000_000, nextStep = 'true', machine: start = [], sudo = true, ...options }: BareMachineOptions = {},
): Promise<BareMachineResult> => {
  await using folder = await temporaryFolder('bare-machine')
  const bin = join(folder.path, 'bin')
  await mkdir(bin)
  for (const program of programs) await symlink(need(program, program), join(bin, program))
  const sudoers = join(folder.path, 'sudoers')
  await writeFile(sudoers, sudo ? 'nobody ALL=(ALL) NOPASSWD: ALL\n' : '', { mode: 0o440 })
  const script = join(folder.path, 'machine.sh')
  await writeFile(script, machine)
  const left = join(folder.path, 'left')
  const next = join(folder.path, 'next')
  for (const file of [left, next]) await writeFile(file, '')
  const home = join(folder.path, 'home')
  await mkdir(home)
  await chown(home, nobody, nobody)
  await chmod(folder.path, 0o755)

  const step = await runAction(inputs, {
    ...options,
    environment: { HOME: home, ...options.environment, NIX_CONF_DIR: '/nowhere', PATH: bin },
    wrapper: [
      ...start,
      ...[need('unshare', 'util-linux'), '--mount', '--propagation', 'private', need('bash', 'bash'), script],
      ...[`${nobody}`, `${size}`, sudoers, left, next, nextStep],
    ],
  })
  return { ...step, left: await readFile(left, 'utf8'), next: await readFile(next, 'utf8') }
}

/** Mounts an empty `/nix`, and runs two steps of a job as the user with the given ID. */
const machine = `
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
user=$1 size=$2 sudoers=$3 left=$4 next=$5 next_step=$6
shift 6
step_path=$(tr '\\0' '\\n' </proc/$$/environ | sed -n 's/^PATH=//p')
mount -t tmpfs -o "mode=755,size=$size" tmpfs /nix
mount --bind "$sudoers" /etc/sudoers
# Without sudo /nix is there already.
[ -s "$sudoers" ] || chown "$user" /nix
env "PATH=$step_path" "$(command -v setpriv)" --reuid "$user" --regid "$user" --clear-groups "$@"
code=$?
ls -A /nix >"$left"
added=$(tr '\\n' ':' <"$GITHUB_PATH")
conf=$(sed -n '/^NIX_CONF_DIR<</{n;p}' "$GITHUB_ENV")
certificates=$(sed -n '/^NIX_SSL_CERT_FILE<</{n;p}' "$GITHUB_ENV")
env "PATH=$added$step_path" \${conf:+"NIX_CONF_DIR=$conf"} \${certificates:+"NIX_SSL_CERT_FILE=$certificates"} "$(command -v setpriv)" --reuid "$user" --regid "$user" --clear-groups \\
  bash -c "$next_step" >"$next" 2>&1
exit $code
`
