/** How layers are compressed. `level` is on the compressor's own scale, and 0 for `none`. */
export type Compression = { readonly algorithm: 'gzip' | 'zstd' | 'none'; readonly level: number }

/**
 * The size in bytes of the blocks, which are compressed independently. It is fixed and does not depend on the number of
 * cores, so that every machine makes the same bytes. gzip looks back only 32 kB. zstd looks back through a whole block;
 * every decompressor should have room for 8 MiB (RFC 8878, section 3.1.1.1.2).
 */
export const blockSize = { gzip: 1024 * 1024, zstd: 8 * 1024 * 1024, none: 1024 * 1024 } as const

/** The libdeflate in `dist/` compresses gzip, with the same result on every Node; Node's own zstd compresses zstd. */
const compressors = { gzip: 'libdeflate 1.23, one member', zstd: `zstd ${process.versions['zstd']}` } as const

/** Must be changed when the same files give another archive. */
const archiveFormat = 'tar-2'

/** Everything besides the content that a compressed layer's bytes depend on. It is part of the layer key. */
export const compressionFormat = ({ algorithm, level }: Compression): string =>
  algorithm === 'none'
    ? archiveFormat
    : `${archiveFormat}+${algorithm}-${level} ${blockSize[algorithm]} ${compressors[algorithm]}`
