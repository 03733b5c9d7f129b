import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { fetchLibdeflate } from '../../scripts/libdeflate.ts'
import { blockSize, compressionFormat } from '../../src/archive/compression.ts'
import { gzipMember } from '../../src/archive/deflate.ts'
import { writeLayer } from '../../src/archive/layer.ts'
import { tar } from '../../src/archive/tar.ts'
import { image } from '../../src/oci/image.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from '../../src/publish/write-layout.ts'
import { root } from '../support/action.ts'
import { layoutContent } from '../support/layout-content.ts'
import { need, output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

// TypeScript declares this for browsers only.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
    static imports(module: Module): unknown[]
  }
}

const fetched = await temporaryFolder('libdeflate')
afterAll(() => fetched[Symbol.asyncDispose]())
const source = fetchLibdeflate(fetched.path)
const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9]

/** A block of the largest size: text, a program, and incompressible bytes. */
const mixed = new Uint8Array(blockSize.gzip)
mixed.set(readFileSync(process.execPath).subarray(1 << 20, 2 << 20))
mixed.set(readFileSync(join(source, 'lib', 'deflate_compress.c')))
for (let index = 0, state = 1; index < 100_000; index++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  mixed[900_000 + index] = state >>> 24
}

test('zlib reads what libdeflate makes, at every level', async () => {
  const parts = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 5000 })), {
    maxLength: 5,
  })
  const content = parts.map((parts) =>
    Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))),
  )
  await fc.assert(
    fc.asyncProperty(content, fc.constantFrom(...levels), async (content, level) => {
      const made = await gzipMember(content, level)
      expect(Buffer.compare(gunzipSync(made), content)).toBe(0)
    }),
  )
})

test('a member says nothing of the machine, and is the same for every Node and processor', async () => {
  const text = Buffer.from('the same bytes on every machine, '.repeat(30_000))
  const made = await gzipMember(text, 5)
  expect([...made.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  expect(createHash('sha256').update(made).digest('hex')).toBe(
    '886eff0c31832685a06b7620dd82bf1cef22535a0edc5beffa7e1f754fe5c808',
  )
})

test('the committed program makes the bytes that its source makes, compiled for this machine', async () => {
  await using temporary = await temporaryFolder('deflate')
  const program = join(temporary.path, 'deflate')
  // The same source as for WebAssembly, without its code for single processors.
  const portable = ['-ffreestanding', '-DFREESTANDING', '-U__x86_64__', '-U__aarch64__']
  const parts = ['lib/deflate_compress.c', 'lib/utils.c'].map((file, index) => {
    const object = join(temporary.path, `${index}.o`)
    execFileSync(need('gcc', 'gcc'), ['-O2', ...portable, '-c', file, '-o', object], { cwd: source })
    return object
  })
  const main = join(root, 'test', 'fixtures', 'deflate-block.c')
  execFileSync(need('gcc', 'gcc'), ['-O2', `-I${source}`, main, ...parts, '-o', program])
  for (const content of [mixed, mixed.subarray(0, 5000), new Uint8Array(blockSize.gzip), new Uint8Array(1)])
    for (const level of levels) {
      const expected = execFileSync(program, [`${level}`], { input: content, maxBuffer: 2 * blockSize.gzip })
      const made = await gzipMember(content, level)
      expect(Buffer.compare(made.subarray(10, -8), expected), `${content.length} bytes, level ${level}`).toBe(0)
    }
})

test('the committed program can reach nothing but its own memory, and is of the version that layers name', () => {
  const program = new WebAssembly.Module(readFileSync(join(root, 'dist', 'deflate.wasm')))
  expect(WebAssembly.Module.imports(program)).toEqual([])
  const [, version] =
    /LIBDEFLATE_VERSION_STRING\s+"(.*)"/.exec(readFileSync(join(source, 'libdeflate.h'), 'utf8')) ?? []
  expect(compressionFormat({ algorithm: 'gzip', level: 5 })).toBe(`tar-2+gzip-5 1048576 libdeflate ${version}`)
})

test('umoci and skopeo read a layer of several members', async () => {
  await using temporary = await temporaryFolder('deflate')
  const layout = join(temporary.path, 'layout')
  const content = Buffer.concat([mixed, mixed, mixed, mixed.subarray(0, 777)])
  const archive = tar([{ type: 'file', name: 'file', mode: 0o644, content }])
  await prepareLayout(layout, temporary.path)
  const layer = {
    ...(await writeLayer(archive, join(temporary.path, 'layer'), { algorithm: 'gzip', level: 5 })),
    holds: '',
  }
  await addLayerToLayout(layout, layer)
  const made = image([layer], { architecture: 'amd64', created: '1970-01-01T00:00:01Z' })
  await writeLayout(layout, layoutContent(made, 'image'))
  const folder = join(temporary.path, 'root')
  await mkdir(folder)
  const copied = `dir:${join(temporary.path, 'copied')}`
  await output('skopeo', ['--insecure-policy', 'copy', '--quiet', '--dest-decompress', `oci:${layout}:image`, copied])
  await readFile(join(temporary.path, 'copied', layer.diffID.replace('sha256:', '')))
  await output(need('umoci', 'umoci'), ['raw', 'unpack', '--image', `${layout}:image`, folder])
  expect(Buffer.compare(await readFile(join(folder, 'file')), content)).toBe(0)
})

const module = JSON.stringify(join(root, 'src', 'archive', 'deflate.ts'))
const start = `import { gzipMember } from ${module}; const start = () => gzipMember(new Uint8Array(${blockSize.gzip}).map((_, i) => i * i >> 7), 9);`
test.each([
  ['ends when its blocks are compressed', 'console.log((await start()).length > 1000)', 'true\n', 0],
  [
    'can end while workers compress',
    'for (let i = 0; i < 50; i++) start(); setTimeout(() => process.exit(130), 200)',
    '',
    130,
  ],
])('a process %s', (_, script, stdout, status) => {
  const options = { encoding: 'utf8', timeout: 20_000 } as const
  expect(spawnSync(process.execPath, ['--input-type=module', '--eval', start + script], options)).toMatchObject({
    stdout,
    stderr: '',
    status,
  })
})
