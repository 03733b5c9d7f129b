import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { downloadText } from '../src/nix/download.ts'
import { publicEndpoints } from '../src/nix/endpoints.ts'

/**
 * `npm run update-nix-releases -- VERSION…`: adds releases of Nix to `src/nix/releases.json`, with the checksums that are
 * published beside them.
 */

const file = join(import.meta.dirname, '..', 'src', 'nix', 'releases.json')
const releases: Record<string, Record<string, string>> = JSON.parse(readFileSync(file, 'utf8'))
const { signal } = new AbortController()

for (const version of process.argv.slice(2)) {
  const hashes: Record<string, string> = {}
  for (const system of ['x86_64-linux', 'aarch64-linux']) {
    const url = `${publicEndpoints.releases}/nix/nix-${version}/nix-${version}-${system}.tar.xz.sha256`
    const sha256 = await downloadText(url, { signal })
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`${url} is no SHA-256`)
    hashes[system] = sha256
  }
  releases[version] = hashes
}
writeFileSync(file, `${JSON.stringify(releases, undefined, 2)}\n`)
