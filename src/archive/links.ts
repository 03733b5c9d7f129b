import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'

/**
 * What the symlink layer puts into the image: names without slashes at either end, with what they point to; `undefined` for
 * a directory.
 */
export type Links = ReadonlyMap<string, string | undefined>

/** Reads the links of a tar archive. */
export const readLinks = async (file: string): Promise<Links> => {
  const links = new Map<string, string | undefined>()
  const archive = extract()
  const collect = async (): Promise<void> => {
    for await (const entry of archive) {
      const { name, type, linkname } = entry.header
      links.set(name.replace(/\/$/, ''), type === 'symlink' ? linkname : undefined)
      entry.resume()
    }
  }
  await Promise.all([pipeline(createReadStream(file), archive), collect()])
  return links
}
