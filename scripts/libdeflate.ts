import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ours = join(import.meta.dirname, '..', 'deflate')

/**
 * Puts the source of libdeflate that `deflate/Cargo.lock` pins into `folder`, and returns the path that has
 * `libdeflate.h`. cargo fetches it from crates.io if the cargo home does not have it. Throws an `Error` of one sentence
 * if cargo cannot fetch it or finds another hash.
 */
export const fetchLibdeflate = (folder: string): string => {
  const vendored = join(folder, 'crates')
  try {
    start('cargo', ['vendor', '--quiet', '--locked', vendored], {
      cwd: ours,
      // cargo prints advice for projects in Rust on stdout.
      stdio: ['ignore', 'ignore', 'pipe'],
      // Without these variables, the cargo of Debian 12 (1.65) clones the whole index of crates.io with git. No cargo
      // does so since 1.68.
      env: { ...process.env, RUSTC_BOOTSTRAP: '1', CARGO_UNSTABLE_SPARSE_REGISTRY: 'true' },
    })
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer }
    if (!stderr) throw error
    // The last cause in cargo's list is the root of the others. Lines of advice may follow it.
    const [reason = ''] = stderr.toString().split('Caused by:').at(-1)?.trim().split('\n') ?? []
    throw new Error(`The source of libdeflate cannot be fetched from crates.io; cargo says: ${reason}`, {
      cause: error,
    })
  }
  return join(vendored, 'libdeflate-sys', 'libdeflate')
}

/** Compiles that source and what is ours in `deflate/` to the WebAssembly `file`. */
export const compileLibdeflate = (source: string, file: string): void => {
  const objects = mkdtempSync(join(tmpdir(), 'nix-image-action-objects-'))
  try {
    const target = ['--target=wasm32', '-msimd128', '-mbulk-memory', '-ffreestanding', '-DFREESTANDING']
    const parts = [join(ours, 'allocate.c'), join(ours, 'compress_part.c'), 'lib/utils.c'].map((part, index) => {
      const object = join(objects, `${index}.o`)
      start('clang-14', [...target, '-O3', '-DNDEBUG', '-I.', '-c', part, '-o', object], { cwd: source })
      return object
    })
    // The linker is called directly: clang would look for it under another name, and would let a `wasm-opt` of the
    // machine change the result.
    start('wasm-ld-14', ['--no-entry', '--strip-all', ...parts, '-o', file], {})
    // The linker makes the file executable.
    chmodSync(file, 0o644)
  } finally {
    rmSync(objects, { recursive: true })
  }
}

const start = (program: string, args: readonly string[], options: ExecFileSyncOptions): void => {
  try {
    execFileSync(program, args, { stdio: 'inherit', ...options })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${program} is not installed; run \`bash test/install-packages.sh\`.`, { cause: error })
  }
}
