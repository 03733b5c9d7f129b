import { createHash } from 'node:crypto'
import type { Digest } from '../oci/descriptor.ts'

/** Counts and hashes bytes as they pass. `result` is final when the stream has ended. */
export type Digesting = {
  readonly through: <T extends Uint8Array>(source: AsyncIterable<T>) => AsyncGenerator<T>
  readonly result: () => { readonly digest: Digest; readonly size: number }
}

export const digesting = (): Digesting => {
  const hash = createHash('sha256')
  let size = 0
  return {
    through: async function* (source) {
      for await (const chunk of source) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    },
    result: () => ({ digest: `sha256:${hash.copy().digest('hex')}`, size }),
  }
}
