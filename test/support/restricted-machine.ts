import { need } from './process.ts'

/**
 * The arguments that start a program on a machine without user namespaces; the program's own come after them. Root may
 * make all other namespaces on a `host`, as with `sudo` on Ubuntu 24.04, and none in a `container`, as without
 * `--privileged`. The machine may have a group `nixbld`.
 */
export const restricted = (machine: 'host' | 'container', users?: 'with build users'): readonly string[] => [
  ...[need('bash', 'bash'), '-c', script, users ? buildUsers : ''],
  ...(machine === 'container'
    ? [need('setpriv', 'util-linux'), '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
    : [need('env', 'coreutils')]),
]

/** The new namespace keeps all IDs, and allows no more user namespaces in it. */
const script = `
set -eu
path=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
unshare --user sleep 30 </dev/null >/dev/null 2>&1 &
holder=$!
while [ "$(readlink /proc/$holder/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
echo '0 0 65536' >/proc/$holder/uid_map
echo '0 0 65536' >/proc/$holder/gid_map
exec nsenter --user=/proc/$holder/ns/user --setuid 0 --setgid 0 \\
  unshare --mount --propagation private bash -c '
    kill -KILL "$1"
    if [ "$2" ]; then
      cp /etc/group "/tmp/group-$$"
      echo "$2" >>"/tmp/group-$$"
      mount --bind "/tmp/group-$$" /etc/group
      rm "/tmp/group-$$"
    fi
    path=$3
    shift 3
    echo 0 >/proc/sys/user/max_user_namespaces
    exec env "PATH=$path" "$@"' - "$holder" "$0" "$path" "$@"
`

/** Users of Debian that own no files. */
const buildUsers = 'nixbld:x:30000:games,news'
