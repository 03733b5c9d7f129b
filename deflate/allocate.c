/*
 * Our own, and what libdeflate needs besides itself: memory that is never given back. A worker takes some once for
 * its compressor and its two blocks, and ends with all of it.
 */
#include "libdeflate.h"

extern unsigned char __heap_base;
static size_t used;

__attribute__((export_name("allocate"))) void *allocate(size_t size) {
  size_t start = ((size_t)&__heap_base + used + 63) & ~(size_t)63;
  size_t pages = (start + size + 65535) >> 16;
  size_t present = __builtin_wasm_memory_size(0);
  if (pages > present && __builtin_wasm_memory_grow(0, pages - present) == (size_t)-1) return 0;
  used = start + size - (size_t)&__heap_base;
  return (void *)start;
}

static void keep(void *memory) { (void)memory; }

__attribute__((export_name("compressor"))) struct libdeflate_compressor *compressor(int level) {
  const struct libdeflate_options options = { sizeof options, allocate, keep };
  return libdeflate_alloc_compressor_ex(level, &options);
}
