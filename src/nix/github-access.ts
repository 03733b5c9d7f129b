import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Lines for nix.conf that let Nix fetch from private repositories: `access-tokens` for its own fetchers, and a netrc
 * file for archives. They must come after all other lines. `netrc` is the text of the netrc file that Nix would read
 * otherwise, and is kept in the new one. An entry for GitHub in `netrc` or in the user's configuration has precedence.
 * The token is only in files that only this user can read, never in an argument or the environment. Source: netrc as
 * curl reads it; the first entry that matches counts.
 */
export const githubAccess = async (
  token: string,
  githubUrl: string,
  netrc: string,
  temporary: string,
): Promise<string> => {
  const { hostname } = new URL(githubUrl)
  const file = join(temporary, 'netrc')
  const own = machines(netrc).includes(hostname) ? '' : `machine ${hostname} login x-access-token password ${token}\n`
  await writeFile(file, own + netrc, { mode: 0o600 })
  // If there are two tokens for one host, the first counts.
  return `\nextra-access-tokens = ${hostname}=${token}\nnetrc-file = ${file}\n`
}

/** The hosts that have an entry, in lower case. */
const machines = (netrc: string): string[] => {
  const words = netrc
    .replaceAll(/^\s*#.*$/gm, '')
    .split(/\s+/)
    .map((word) => word.replace(/^"(.*)"$/, '$1'))
  return words.flatMap((word, index) => (words[index - 1] === 'machine' ? [word.toLowerCase()] : []))
}
