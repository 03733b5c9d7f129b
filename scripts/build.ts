import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileLibdeflate, fetchLibdeflate } from './libdeflate.ts'

/**
 * `npm run build [-- FOLDER]` makes all of `dist/`, or the same in another folder: the bundle, libdeflate as
 * WebAssembly, and the licences of what is in either.
 */

const [folder = join(import.meta.dirname, '..', 'dist')] = process.argv.slice(2)
const bundle = ['build', 'src/main.ts', '--out', folder, '--no-cache', '--license', 'licenses.txt']
execFileSync('ncc', bundle, { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' })

const fetched = mkdtempSync(join(tmpdir(), 'nix-image-action-libdeflate-'))
try {
  const source = fetchLibdeflate(fetched)
  compileLibdeflate(source, join(folder, 'deflate.wasm'))
  // In the form of the bundler's entries: name, licence, text.
  const licence = readFileSync(join(source, 'COPYING'), 'utf8')
  appendFileSync(join(folder, 'licenses.txt'), `\nlibdeflate\nMIT\n${licence}`)
} finally {
  rmSync(fetched, { recursive: true })
}
