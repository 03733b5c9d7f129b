/** How layers are compressed. `level` is the compressor's own scale; it is 0 for `none`. */
export type Compression = { readonly algorithm: 'gzip' | 'zstd' | 'none'; readonly level: number }

/**
 * Each block of so many bytes is compressed by itself. The size is fixed, and not made from the number of cores, so
 * that every machine makes the same bytes. gzip looks back 32 kB only; zstd looks back through a whole block, and 8 MiB
 * is what every decompressor should have room for (RFC 8878, section 3.1.1.1.2).
 */
export const blockSize = { gzip: 1024 * 1024, zstd: 8 * 1024 * 1024, none: 1024 * 1024 } as const

/** gzip is made by the libdeflate in `dist/`, the same for every Node; zstd by the one in Node. */
const compressors = { gzip: 'libdeflate 1.23', zstd: `zstd ${process.versions['zstd']}` } as const

/** What the bytes of a compressed layer depend on besides its content; part of the layer key. */
export const compressionFormat = ({ algorithm, level }: Compression): string =>
  algorithm === 'none' ? 'tar' : `tar+${algorithm}-${level} ${blockSize[algorithm]} ${compressors[algorithm]}`
