import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'

/** The names in a tar archive, without slashes at either end. */
export const namesInArchive = async (file: string): Promise<ReadonlySet<string>> => {
  const names = new Set<string>()
  const archive = extract()
  const reading = pipeline(createReadStream(file), archive)
  for await (const entry of archive) {
    names.add(entry.header.name.replace(/\/$/, ''))
    entry.resume()
  }
  await reading
  return names
}
