import { mkdtemp } from 'node:fs/promises'
import { installNix } from '../../src/nix/install.ts'
import { silentLog } from './log.ts'

/** A program that installs the release with this URL and SHA-256, and prints the folder of its programs. */
const [url = '', sha256 = '', folder = ''] = process.argv.slice(2)
const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'
const { bin } = await installNix(
  { url, sha256, system },
  {
    environment: { PATH: process.env['PATH'] ?? '', HOME: folder },
    signal: new AbortController().signal,
    temporary: await mkdtemp(`${folder}/`),
    log: silentLog,
  },
)
console.log(bin)
