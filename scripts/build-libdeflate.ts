import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm run build-libdeflate [-- FILE]` makes `libdeflate/deflate.wasm` from the source beside it. With the clang and
 * lld of Debian 12 (version 14) these are the bytes that are committed.
 */

const folder = join(import.meta.dirname, '..', 'libdeflate')
const [file = join(folder, 'deflate.wasm')] = process.argv.slice(2)
const target = ['--target=wasm32', '-msimd128', '-mbulk-memory', '-ffreestanding', '-DFREESTANDING']
const code = ['-O3', '-DNDEBUG', '-nostdlib', '-I.', 'allocate.c', 'lib/deflate_compress.c', 'lib/utils.c']
const link = ['--no-entry', '--strip-all', '--export=libdeflate_deflate_compress'].map((option) => `-Wl,${option}`)
execFileSync('clang', [...target, ...code, ...link, '-o', file], { cwd: folder, stdio: 'inherit' })
// The linker makes a program of it.
chmodSync(file, 0o644)
