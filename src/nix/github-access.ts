import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Lines for nix.conf with which Nix may fetch from private repositories: `access-tokens` for its own fetchers, and a netrc
 * file for archives. The token is in files that only this user can read, and in no argument and no environment.
 */
export const githubAccess = async (
  token: string,
  githubUrl: string,
  { temporary, environment }: { readonly temporary: string; readonly environment: Readonly<Record<string, string>> },
): Promise<string> => {
  const { hostname } = new URL(githubUrl)
  const netrc = join(temporary, 'netrc')
  // The machine's own one, which this one takes the place of, may open private substituters.
  const existing = await readFile(join(environment['NIX_CONF_DIR'] ?? '/etc/nix', 'netrc'), 'utf8').catch(() => '')
  await writeFile(netrc, `machine ${hostname} login x-access-token password ${token}\n${existing}`, { mode: 0o600 })
  return `access-tokens = ${hostname}=${token}\nnetrc-file = ${netrc}\n`
}
