import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CommandError, command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'
import { builderEnvironment } from './builder-environment.ts'

/** A Nix daemon of this run. With `environment` and `store = daemon`, a client finds it. */
export type BuildingDaemon = AsyncDisposable & { readonly environment: Readonly<Record<string, string>> }

export type DaemonTools = {
  /** The environment of this run's Nix, with its folder on the PATH. */
  readonly environment: Readonly<Record<string, string>>
  /** The files with the settings of this run, written as in `NIX_USER_CONF_FILES`. */
  readonly configFiles: string
  /** Settings that override those in `configFiles`. */
  readonly settings: Readonly<Record<string, string>>
  /** A folder that only this run can read. */
  readonly temporary: string
  readonly signal: AbortSignal
}

/** How long the daemon may take to start, in milliseconds. It needs about 50. */
const startLimit = 10_000

/** How many builders may run at a time. They need one more id, the first, for their group. */
const users = 32

/** The possible first ids: the default of Nix's `start-id`, and the first id that Nix's installers use. */
const firstIds = [872_415_232, 30_000]

/**
 * Starts a Nix daemon whose builds can be sandboxed and run as users of their own, for a store that belongs to this
 * user. Root makes the namespaces for it, through sudo if this is another user. Inside them, this user is root. So all
 * files that the daemon writes belong to this user, and later steps need no daemon. The builders are users that exist
 * nowhere else, so they can change neither their inputs nor the Nix that runs them. Returns the reason if no daemon can
 * be started.
 */
export const startBuildingDaemon = async ({
  environment,
  configFiles,
  settings,
  temporary,
  signal,
}: DaemonTools): Promise<BuildingDaemon | string> => {
  const first = await firstFreeId()
  if (first === undefined) return 'no user ids are free for builders'
  const folder = join(temporary, 'building')
  await mkdir(folder)
  await writeFile(join(folder, 'passwd'), passwd)
  await writeFile(join(folder, 'group'), group)
  await writeFile(join(folder, 'none'), '0\n')
  const socket = join(folder, 'socket')
  const clean = {
    ...builderEnvironment(environment),
    HOME: folder,
    NIX_USER_CONF_FILES: configFiles,
    NIX_DAEMON_SOCKET_PATH: socket,
  }
  const variables = Object.entries(clean).map(([name, value]) => `${name}=${value}`)
  const script = [
    ...['sh', '-c', enterNamespaces, 'sh', `${process.getuid?.()}`, `${process.getgid?.()}`, folder, `${first}`],
    ...['env', '--ignore-environment', ...variables, 'nix-daemon', '--daemon', ...asOptions(settings)],
  ]
  const [program = '', ...args] = process.getuid?.() === 0 ? script : ['sudo', '--non-interactive', '--', ...script]
  const over = new AbortController()
  // The daemon belongs to root, so this user cannot signal it. It ends when its standard input ends.
  const running = command(program, args, {
    environment,
    signal: new AbortController().signal,
    inputUntil: over.signal,
  })
  const ended = running.then(
    () => 'the daemon ended',
    (error: unknown) => {
      if (error instanceof CommandError) return error.stderr.split('\n').at(-1) || error.message
      if (error instanceof UserError) return 'there is no sudo'
      throw error
    },
  )
  const stop = async (): Promise<void> => {
    over.abort()
    await ended
  }
  const deadline = performance.now() + startLimit
  while (performance.now() < deadline && !signal.aborted) {
    if (await exists(socket))
      return {
        environment: { ...environment, NIX_DAEMON_SOCKET_PATH: socket },
        [Symbol.asyncDispose]: stop,
      }
    const reason = await Promise.race([ended, setTimeout(5)])
    if (reason !== undefined) return reason
  }
  await stop()
  signal.throwIfAborted()
  return 'the daemon did not start'
}

/** Settings as arguments of one of Nix's programs. */
export const asOptions = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])

const numbers = Array.from({ length: users }, (_, index) => index + 1)
const passwd = ['root:x:0:0::/:/', ...numbers.map((n) => `nixbld${n}:x:${30_000 + n}:30000::/:/`), ''].join('\n')
const group = `root:x:0:\nnixbld:x:30000:${numbers.map((n) => `nixbld${n}`).join(',')}\n`

/** A container may lack some ids. Source: user_namespaces(7), "User and group ID mappings". */
const firstFreeId = async (): Promise<number | undefined> => {
  const maps = await Promise.all(['uid_map', 'gid_map'].map((name) => readFile(join('/proc/self', name), 'utf8')))
  const ranges = maps.map((map) =>
    [...map.matchAll(/^ *(\d+) +\d+ +(\d+)$/gm)].map(([, a, b]) => [Number(a), Number(b)]),
  )
  return firstIds.find((id) =>
    ranges.every((list) => list.some(([start = 0, count = 0]) => start <= id && id + users < start + count)),
  )
}

/**
 * Run by root: OWNER GROUP FOLDER FIRST-ID COMMAND… When its standard input ends, the script ends with all processes
 * that COMMAND has started.
 *
 * A process in a new user namespace waits there while its ids are mapped: root can write any map this way, without
 * newuidmap. If root may make no user namespace, COMMAND runs as root itself, and its files are given to OWNER
 * afterwards. Ubuntu takes all rights away in further user namespaces. The script makes Nix believe that there can be
 * none, and Nix then does without.
 */
const enterNamespaces = `
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
owner=$1 group=$2 folder=$3 first=$4
shift 4
exec 3<&0 </dev/null 9</nix/var/nix
if command -v flock >/dev/null; then flock --shared 9; fi
before=$(stat --format '%g %a' /nix/store 2>/dev/null) || before=
# This group is nobody's: it is there while another run builds, or since one was ended by force.
if [ "\${before% *}" = ${firstIds[0]} ]; then before="$group 755"; fi
enter= holder= ids=30000
if unshare --user true 2>/dev/null; then
  unshare --user sleep 30 3<&- 9<&- >/dev/null 2>&1 &
  holder=$!
  while [ "$(readlink /proc/$holder/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
  printf '0 %s 1\\n30000 %s 33\\n' "$owner" "$first" >/proc/$holder/uid_map
  printf '0 %s 1\\n30000 %s 33\\n' "$group" "$first" >/proc/$holder/gid_map
  ids=$first
  # A group that is not there in the namespace could not be changed there.
  chgrp "$group" /nix/store 2>/dev/null || true
  enter="nsenter --user=/proc/$holder/ns/user --setuid 0 --setgid 0"
fi
$enter unshare --mount --propagation private --pid --fork --kill-child --mount-proc sh -c '
  set -eu
  folder=$1
  shift
  mount --bind "$folder/none" /proc/sys/user/max_user_namespaces
  mount --bind "$folder/passwd" /etc/passwd
  mount --bind "$folder/group" /etc/group
  exec "$@"' sh "$folder" "$@" 3<&- 9<&- &
tree=$!
{ cat <&3; kill -KILL "$tree"; } 9<&- >/dev/null 2>&1 &
exec 3<&-
code=0
wait "$tree" || code=$?
if [ "$holder" ]; then kill -KILL "$holder" 2>/dev/null || true; fi
# What root wrote, where it is root, and what builders left that failed. Another run that builds has the same builders, and
# puts all of that in order when it ends.
if [ "$owner" != 0 ]; then of="-uid 0 -o"; else of=; fi
left="-uid +$((ids - 1)) -uid -$((ids + 33))"
if command -v flock >/dev/null && ! flock --exclusive --nonblock 9; then left=-false before=; fi
theirs="( $of $left )"
# Another Nix may remove a path that find has just seen.
twice() { "$@" 2>/dev/null || "$@"; }
twice find /nix/var "$folder" -xdev $theirs -exec chown --no-dereference "$owner:$group" {} +
twice find /nix/store -maxdepth 1 $theirs -exec chown --no-dereference --recursive "$owner:$group" {} +
# For users who build, Nix makes the store their group's.
if [ "$before" ] && [ "$before" != "$(stat --format '%g %a' /nix/store)" ]; then
  chgrp "\${before% *}" /nix/store
  chmod "\${before#* }" /nix/store
fi
exit "$code"
`
