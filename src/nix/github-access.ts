import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Lines for nix.conf with which Nix may fetch from private repositories: `access-tokens` for its own fetchers, and a netrc
 * file for archives. The token is in files that only this user can read, and in no argument and no environment.
 */
export const githubAccess = async (token: string, githubUrl: string, temporary: string): Promise<string> => {
  const { hostname } = new URL(githubUrl)
  const netrc = join(temporary, 'netrc')
  await writeFile(netrc, `machine ${hostname} login x-access-token password ${token}\n`, { mode: 0o600 })
  return `access-tokens = ${hostname}=${token}\nnetrc-file = ${netrc}\n`
}
