import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { need, output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * The output of a Node script for which the names in `hosts` lead elsewhere, as in `/etc/hosts`. No other process sees
 * these names. Needs root, for a mount of its own.
 */
export const runWithHosts = async (
  hosts: Readonly<Record<string, string>>,
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> => {
  await using folder = await temporaryFolder('hosts')
  const file = join(folder.path, 'hosts')
  await writeFile(
    file,
    ['127.0.0.1 localhost', ...Object.entries(hosts).map(([name, to]) => `${to} ${name}`), ''].join('\n'),
  )
  const inside = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
  return await output(
    need('unshare', 'util-linux'),
    [
      '--mount',
      '--propagation',
      'private',
      need('bash', 'bash'),
      '-c',
      inside,
      '-',
      file,
      process.execPath,
      script,
      ...args,
    ],
    { env: { ...process.env, ...environment } },
  )
}
