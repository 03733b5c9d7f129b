import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { compileLibdeflate, fetchLibdeflate } from './libdeflate.ts'

/**
 * `npm run build [-- FOLDER]` makes all of `dist/`, or the same in another folder: the bundle, libdeflate as
 * WebAssembly, and the licences of both. If libdeflate cannot be made, nothing changes.
 */

const root = join(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? join(root, 'dist'))

const temporary = mkdtempSync(join(tmpdir(), 'nix-image-action-build-'))
try {
  const source = fetchLibdeflate(temporary)
  const program = join(temporary, 'deflate.wasm')
  compileLibdeflate(source, program)

  const bundle = ['build', 'src/main.ts', '--out', folder, '--no-cache', '--license', 'licenses.txt']
  execFileSync('ncc', bundle, { cwd: root, stdio: 'inherit' })
  copyFileSync(program, join(folder, 'deflate.wasm'))
  // In the form of the bundler's entries: name, licence, text.
  const licence = readFileSync(join(source, 'COPYING'), 'utf8')
  appendFileSync(join(folder, 'licenses.txt'), `\nlibdeflate\nMIT\n${licence}`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true })
}
