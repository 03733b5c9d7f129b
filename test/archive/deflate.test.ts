import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { fetchLibdeflate } from '../../scripts/libdeflate.ts'
import { blockSize, compressionFormat } from '../../src/archive/compression.ts'
import { deflatePart } from '../../src/archive/deflate.ts'
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

/** Ends a stream of parts. */
const whole = (...parts: Uint8Array[]): Buffer => Buffer.concat([...parts, new Uint8Array([3, 0])])

test('zlib reads what libdeflate makes, at every level, with others behind it', async () => {
  const parts = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 5000 })), {
    maxLength: 5,
  })
  const content = parts.map((parts) =>
    Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))),
  )
  await fc.assert(
    fc.asyncProperty(content, content, fc.constantFrom(...levels), async (first, second, level) => {
      const made = [await deflatePart(first, level), await deflatePart(second, level)]
      const read = inflateRawSync(whole(...made.map(({ bytes }) => bytes)))
      expect(Buffer.compare(read, Buffer.concat([first, second]))).toBe(0)
      expect(made.map(({ size, crc }) => ({ size, crc }))).toEqual(
        [first, second].map((bytes) => ({ size: bytes.length, crc: crc32(bytes) })),
      )
    }),
  )
})

test('a part is the same for every Node and processor', async () => {
  const text = Buffer.from('the same bytes on every machine, '.repeat(30_000))
  const { bytes } = await deflatePart(text, 5)
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(
    '40a6f5f3fd1ff2faac8d0a087e5738dbad43bc120dca06c92b2fc3a7160dc09a',
  )
})

/** A program for this machine that compresses its input with this function, at the level that it is given. */
const nativeProgram = async (folder: string, name: string, file: string): Promise<string> => {
  const includes = [`-I${source}`, `-DCOMPRESS=${name}`]
  // The same source as for WebAssembly, without its code for single processors.
  const portable = ['-ffreestanding', '-DFREESTANDING', '-U__x86_64__', '-U__aarch64__', '-Wno-attributes']
  const objects: string[] = []
  for (const part of [file, join(source, 'lib', 'utils.c')]) {
    const object = join(folder, `${name}-${objects.length}.o`)
    await output(need('gcc', 'gcc'), ['-O2', ...portable, ...includes, '-c', part, '-o', object])
    objects.push(object)
  }
  const main = join(root, 'test', 'fixtures', 'deflate-block.c')
  await output('gcc', ['-O2', ...includes, main, ...objects, '-o', join(folder, name)])
  return join(folder, name)
}

const differingBits = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((sum, byte, index) => {
    for (let rest = byte ^ (b[index] ?? 0); rest > 0; rest &= rest - 1) sum++
    return sum
  }, 0)

test('the committed program makes what its source makes for this machine: libdeflate\u2019s own bytes, but for the end', async () => {
  await using temporary = await temporaryFolder('deflate')
  const ours = await nativeProgram(temporary.path, 'compress_part', join(root, 'deflate', 'compress_part.c'))
  const theirs = await nativeProgram(
    temporary.path,
    'libdeflate_deflate_compress',
    join(source, 'lib', 'deflate_compress.c'),
  )
  for (const content of [mixed, mixed.subarray(0, 5000), new Uint8Array(blockSize.gzip), new Uint8Array(1)])
    for (const level of levels) {
      const options = { input: content, maxBuffer: 2 * blockSize.gzip }
      const { bytes } = await deflatePart(content, level)
      const what = `${content.length} bytes, level ${level}`
      expect(Buffer.compare(bytes, execFileSync(ours, [`${level}`], options)), what).toBe(0)
      const stream = execFileSync(theirs, [`${level}`], options)
      // The bit that says of the last block that it is the last.
      expect(differingBits(stream, bytes), what).toBe(1)
      expect(bytes.length - stream.length, what).toBeLessThanOrEqual(5)
    }
})

test('the committed program can reach nothing but its own memory, and is of the version that layers name', () => {
  const program = new WebAssembly.Module(readFileSync(join(root, 'dist', 'deflate.wasm')))
  expect(WebAssembly.Module.imports(program)).toEqual([])
  const [, version] =
    /LIBDEFLATE_VERSION_STRING\s+"(.*)"/.exec(readFileSync(join(source, 'libdeflate.h'), 'utf8')) ?? []
  expect(compressionFormat({ algorithm: 'gzip', level: 5 })).toBe(
    `tar-2+gzip-5 1048576 libdeflate ${version}, one member`,
  )
})

test('umoci and skopeo read a layer of several parts', async () => {
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
const start = `import { deflatePart } from ${module}; const start = () => deflatePart(new Uint8Array(${blockSize.gzip}).map((_, i) => i * i >> 7), 9);`
test.each([
  ['ends when its blocks are compressed', 'console.log((await start()).size > 1000)', 'true\n', 0],
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
