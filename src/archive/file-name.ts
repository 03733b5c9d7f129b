import { isUtf8 } from 'node:buffer'

/**
 * The name or path of these bytes as text. Linux allows any bytes in a name. A byte that is not UTF-8 becomes one lone
 * surrogate, U+DC80 to U+DCFF, which no UTF-8 text contains, so that `fileNameBytes` returns the same bytes. Source:
 * Python, PEP 383 "Non-decodable Bytes in System Character Interfaces".
 */
export const fileName = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  return !text.includes('\ufffd') || isUtf8(bytes) ? text : escaped(bytes)
}

const escaped = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((length) => isUtf8(bytes.subarray(at, at + length)))
    text += length
      ? Buffer.from(bytes.subarray(at, at + length)).toString()
      : String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
    at += length ?? 1
  }
  return text
}

/** The bytes of a name or path that `fileName` returned, for a file system, an archive or a NAR. */
export const fileNameBytes = (name: string): Buffer =>
  name.isWellFormed() ? Buffer.from(name) : Buffer.concat([...name].map(bytesOf))

const bytesOf = (character: string): Buffer =>
  character.isWellFormed() ? Buffer.from(character) : Buffer.from([character.charCodeAt(0) & 0xff])
