import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Lines for nix.conf, to stand after all others, with which Nix may fetch from private repositories: `access-tokens`
 * for its own fetchers, and a netrc file for archives. `netrc` is the text of the one that it would read otherwise,
 * which goes on to open what it opens; where it or the user's configuration has an entry for GitHub, that one counts.
 * The token is in files that only this user can read, and in no argument and no environment. Source: netrc as curl
 * reads it, which takes the first entry that fits.
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
  // Of two tokens for one host, the first counts.
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
