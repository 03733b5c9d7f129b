/*
 * Our own, around the compressor of libdeflate. That makes whole streams, whose last block says that it is the last. A
 * layer is one stream, of parts that are compressed on all cores: RFC 1951, section 3.2.3.
 *
 * This is its source as it is, but that no block is the last one: the function that writes a block has the argument
 * `is_final_block`, and two others give it theirs of that name. With another source this does not compile.
 */
#define deflate_flush_block(c, os, begin, length, sequences, final) \
  deflate_flush_block(c, os, begin, length, sequences, open_##final)
#define open_bool bool
#define open_is_final_block false
#include "lib/deflate_compress.c"

/*
 * Compresses a part. The next part, or the end of the stream, can be written behind it. It has at least one byte.
 * Returns how long it is, or 0 where there is too little room.
 */
__attribute__((export_name("compress_part"))) size_t compress_part(struct libdeflate_compressor *c, const u8 *in,
                                                                   size_t length, u8 *out, size_t room) {
  struct deflate_output_bitstream os = { .next = out, .end = out + room };
  if (length <= c->max_passthrough_size) {
    /* For so little, libdeflate has another function. A block that is not compressed ends at a byte. */
    if (length + 5 > room) return 0;
    *os.next++ = 0;
    put_unaligned_le16(length, os.next);
    put_unaligned_le16(~length, os.next + 2);
    memcpy(os.next + 4, in, length);
    return length + 5;
  }
  (*c->impl)(c, in, length, &os);
  if (os.overflow || os.end - os.next < 6) return 0;
  /* An empty block that is not compressed: three bits that are 0, those that are left of the byte, and the length. */
  *os.next++ = os.bitbuf;
  if (os.bitcount > 5) *os.next++ = 0;
  put_unaligned_le32(0xFFFF0000, os.next);
  return os.next + 4 - out;
}
