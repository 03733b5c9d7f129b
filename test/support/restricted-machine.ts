import { need } from './process.ts'

/**
 * Starts a program on a machine that lets nobody make a user namespace: root may make all others, as `sudo` does on
 * Ubuntu 24.04, but with `container` none at all, as in a container without `--privileged`. There may be a group
 * `nixbld`. The arguments come before the program's own.
 */
export const restricted = (machine: 'host' | 'container', users?: 'with build users'): readonly string[] => [
  ...[need('bash', 'bash'), '-c', script, users ? buildUsers : ''],
  ...(machine === 'container'
    ? [need('setpriv', 'util-linux'), '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
    : [need('env', 'coreutils')]),
]

/** All ids are in the new namespace what they were, and no others can be made in it. */
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

/** Users that Debian has, and that own nothing. */
const buildUsers = 'nixbld:x:30000:games,news'
