import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { downloadFile, downloadText } from '../src/nix/download.ts'
import { publicEndpoints } from '../src/nix/endpoints.ts'

/**
 * `npm run update-nix-releases -- VERSION…`: adds releases of Nix to `src/nix/releases.json`, with the checksums of the
 * downloaded files. Throws an `Error` if a checksum differs from the published one.
 */

const file = join(import.meta.dirname, '..', 'src', 'nix', 'releases.json')
const releases: Record<string, Record<string, string>> = JSON.parse(readFileSync(file, 'utf8'))
const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'nix-releases-'))

for (const version of process.argv.slice(2)) {
  const hashes: Record<string, string> = {}
  for (const system of ['x86_64-linux', 'aarch64-linux']) {
    const url = `${publicEndpoints.releases}/nix/nix-${version}/nix-${version}-${system}.tar.xz`
    const sha256 = await downloadFile(url, join(folder, system), { signal })
    // Published checksums have been wrong before (NixOS/nix#15593).
    const published = await downloadText(`${url}.sha256`, { signal })
    if (sha256 !== published) throw new Error(`${url} has the SHA-256 ${sha256}, but ${published} is published for it`)
    hashes[system] = sha256
  }
  releases[version] = hashes
}
writeFileSync(file, `${JSON.stringify(releases, undefined, 2)}\n`)
rmSync(folder, { recursive: true })
