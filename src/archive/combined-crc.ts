/** The polynomial of CRC-32, its highest term first. The term x^0 is the highest bit. Source: RFC 1952, section 8. */
const polynomial = 0xedb88320

const one = 0x80000000

/** The product of two polynomials, modulo that of CRC-32. */
const product = (a: number, b: number): number => {
  let result = 0
  for (let bit = 31, shifted = b; bit >= 0; bit--) {
    if ((a >>> bit) & 1) result ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1
  }
  return result >>> 0
}

/** x to the power of `8 * bytes`. */
const powerOf = (bytes: number): number => {
  let result = one
  let square = one >>> 8
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = product(square, result)
    square = product(square, square)
  }
  return result
}

/**
 * The CRC-32 of two texts, one behind the other, of their own CRC-32 and of the number of bytes of the second. A text
 * that has more behind it is multiplied by x for each bit of that. Source: zlib, `crc32_combine`.
 */
export const combinedCrc = (first: number, second: number, secondSize: number): number =>
  (product(powerOf(secondSize), first) ^ second) >>> 0
