import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { mapConcurrently } from '../lib/concurrent.ts'
import { narHashBase32 } from '../nix/nar-hash.ts'
import { type Nix, perProcess } from '../nix/nix.ts'
import { storePathDigest } from '../nix/store-path.ts'
import { cacheLimits } from './cache-limits.ts'
import { type Narinfo, printNarinfo } from './narinfo.ts'
import { plainFolder } from './plain-folder.ts'
import { isComputedSource } from './read-entry.ts'

/** How many NARs are unpacked at once. This process hashes them, on one core. */
const atOnce = 2

/**
 * Copies paths into the store. `paths` is in an order in which each path comes after its references. Nix does not see
 * the entry itself: it gets NARs that were unpacked and hashed here, and narinfo files that were written here. Both are
 * written to `temporary`. The copy builds nothing and asks no substituter. Throws an `Error` before Nix starts if a NAR
 * does not match its narinfo, and a `CommandError` if Nix refuses a path.
 */
export const importPaths = async (
  entry: string,
  paths: readonly Narinfo[],
  temporary: string,
  over: AbortSignal,
  nix: Nix,
): Promise<void> => {
  const size = paths.reduce((total, { narSize }) => total + narSize, 0)
  if (size > cacheLimits.storePathBytes)
    throw new Error(`what is asked for has ${size} bytes, and no run saves so many`)
  const folder = join(temporary, 'nix-image-import')
  await mkdir(join(folder, 'nar'), { recursive: true })
  try {
    await writeFile(join(folder, 'nix-cache-info'), 'StoreDir: /nix/store\n')
    await mapConcurrently(paths, atOnce, async (info) => {
      const digest = storePathDigest(info.path)
      await unpackNar(join(entry, info.nar), info, join(folder, 'nar', digest), over)
      const contentAddress = isComputedSource(info) ? `fixed:r:${narHashBase32(info.narHash)}` : undefined
      await writeFile(join(folder, `${digest}.narinfo`), printNarinfo(info, `nar/${digest}`, contentAddress))
    })
    await using plain = await plainFolder(folder)
    for (let start = 0; start < paths.length; start += perProcess)
      await nix('nix', [
        ...['copy', '--no-recursive', '--from', `file://${plain.path}`],
        ...paths.slice(start, start + perProcess).map(({ path }) => path),
      ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Unpacks a NAR that is compressed with zstd to another file. Throws an `Error` unless it has the size and the hash in
 * its narinfo.
 */
const unpackNar = async (
  packed: string,
  { path, narSize, narHash }: Narinfo,
  to: string,
  signal: AbortSignal,
): Promise<void> => {
  const hash = createHash('sha256')
  let bytes = 0
  const wrong = (cause?: unknown): Error =>
    new Error(`the NAR of ${path} is not the one that was saved`, { ...(cause !== undefined && { cause }) })
  await pipeline(
    createReadStream(packed),
    createZstdDecompress(),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length
        if (bytes > narSize) throw wrong()
        hash.update(chunk)
        yield chunk
      }
    },
    createWriteStream(to, { flags: 'wx', mode: 0o600 }),
    { signal },
  ).catch((cause) => {
    throw wrong(cause)
  })
  if (bytes !== narSize || `sha256-${hash.digest('base64')}` !== narHash) throw wrong()
}
