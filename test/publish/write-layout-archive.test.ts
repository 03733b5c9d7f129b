import { execFileSync } from 'node:child_process'
import { copyFile, link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { openImageLayout } from '../../src/publish/image-layout.ts'
import { layoutContent } from '../support/layout-content.ts'
import { output } from '../support/process.ts'
import { testImage } from '../support/pushed-image.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Places = AsyncDisposable & { readonly workspace: string; readonly temporary: string; readonly file: string }

const places = async (): Promise<Places> => {
  const folder = await temporaryFolder('archive')
  const [workspace, temporary] = [join(folder.path, 'workspace'), join(folder.path, 'temporary')]
  await mkdir(workspace)
  await mkdir(temporary)
  const file = join(workspace, 'out', 'image.tar')
  return { workspace, temporary, file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const never = new AbortController().signal

/** Writes an image of two layers, which are taken in this order. The files of the layers are gone afterwards. */
const write = async ({ workspace, temporary, file }: Places, order: readonly [0 | 1, 0 | 1] = [0, 1]) => {
  const { image, layers } = await testImage(temporary, 'made', [700_000, 1000])
  const layout = await openImageLayout(file, workspace, { temporary, signal: never })
  for (const index of order) if (layers[index]) await layout.addLayer(layers[index])
  await layout.write(layoutContent(image, 'v1', 'latest'))
  return image
}

test('the archive is the folder of the same image, in the order of names', async () => {
  await using at = await places()
  const image = await write(at)
  const folder = join(at.workspace, 'folder')
  const { layers } = await testImage(at.temporary, 'made', [700_000, 1000])
  const layout = await openImageLayout(folder, at.workspace, { temporary: at.temporary, signal: never })
  for (const layer of layers) await layout.addLayer(layer)
  await layout.write(layoutContent(image, 'v1', 'latest'))

  const names = (await output('tar', ['--list', '--file', at.file])).trimEnd().split('\n')
  expect(names).toEqual(names.toSorted())
  const blobs = [...layers, image.config, image.manifest].map(({ descriptor: { digest } }) => digest.replace(':', '/'))
  expect(new Set(names)).toEqual(
    new Set([
      ...['blobs/', 'blobs/sha256/', 'index.json', 'manifest.json', 'oci-layout'],
      ...blobs.map((name) => `blobs/${name}`),
    ]),
  )
  const unpacked = join(at.workspace, 'unpacked')
  await mkdir(unpacked)
  await output('tar', ['--extract', '--file', at.file, '--directory', unpacked])
  await output('diff', ['--recursive', unpacked, folder])
})

test('the same image gives the same bytes, in whichever order its layers are packed, and takes the place of a file', async () => {
  await using first = await places()
  await using second = await places()
  await write(first)
  const elsewhere = join(second.workspace, 'elsewhere')
  await writeFile(elsewhere, 'earlier')
  await mkdir(join(second.workspace, 'out'))
  await link(elsewhere, second.file)
  await write(second, [1, 0])
  expect((await readFile(first.file)).equals(await readFile(second.file))).toBe(true)
  expect(await readFile(elsewhere, 'utf8')).toBe('earlier')
})

test('nothing is left beside the archive and of the layers, also of a run that was killed', async () => {
  await using at = await places()
  await mkdir(join(at.workspace, 'out'))
  await writeFile(join(at.workspace, 'out', '.image.tar.unfinished'), 'half')
  await write(at)
  expect(await readdir(join(at.workspace, 'out'))).toEqual(['image.tar'])
  expect(await readdir(join(at.temporary, 'layers-of-archive'))).toEqual([])
})

test('a layer that comes twice is there once, and its own file may go', async () => {
  await using at = await places()
  const { image, layers } = await testImage(at.temporary, 'made', [1000])
  const layout = await openImageLayout(at.file, at.workspace, { temporary: at.temporary, signal: never })
  const [layer] = layers
  if (!layer) throw new Error('The image has a layer')
  const copy = `${layer.file}-copy`
  await copyFile(layer.file, copy)
  await layout.addLayer(layer)
  await layout.addLayer({ ...layer, file: copy })
  for (const file of [layer.file, copy]) execFileSync('rm', [file])
  const twice = { ...image, layers: [...image.layers, ...image.layers] }
  await layout.write(layoutContent(twice, 'v1'))
  const names = (await output('tar', ['--list', '--file', at.file])).split('\n')
  expect(names.filter((name) => name.endsWith(layer.descriptor.digest.slice(7)))).toHaveLength(1)
})

test('a run that is cancelled or fails leaves the earlier archive as it is, and no other', async () => {
  await using at = await places()
  await write(at)
  const before = await readFile(at.file)
  const { image, layers } = await testImage(at.temporary, 'other', [700_000])
  const cancelled = new AbortController()
  const layout = await openImageLayout(at.file, at.workspace, { temporary: at.temporary, signal: cancelled.signal })
  // A layer is missing.
  await expect(layout.write(layoutContent(image, 'v1'))).rejects.toThrow()
  for (const layer of layers) await layout.addLayer(layer)
  cancelled.abort()
  await expect(layout.write(layoutContent(image, 'v1'))).rejects.toMatchObject({ name: 'AbortError' })
  expect(await readdir(join(at.workspace, 'out'))).toEqual(['image.tar'])
  expect((await readFile(at.file)).equals(before)).toBe(true)
})

test('a run that is cancelled while it writes leaves nothing', async () => {
  await using at = await places()
  const { image, layers } = await testImage(at.temporary, 'made', [50_000_000])
  const cancelled = new AbortController()
  const layout = await openImageLayout(at.file, at.workspace, { temporary: at.temporary, signal: cancelled.signal })
  for (const layer of layers) await layout.addLayer(layer)
  const out = join(at.workspace, 'out')
  const writing = expect(layout.write(layoutContent(image, 'v1'))).rejects.toMatchObject({ name: 'AbortError' })
  await expect.poll(() => readdir(out), { interval: 1 }).toEqual(['.image.tar.unfinished'])
  cancelled.abort()
  await writing
  expect(await readdir(out)).toEqual([])
})

const refusals: Record<string, [plant: (at: Places) => Promise<unknown>, sentence: (file: string) => string]> = {
  'a folder': [
    ({ file }) => mkdir(file, { recursive: true }),
    (file) =>
      `\`output\` is ${file}, which is a folder, and with \`.tar\` at its end an archive is written; name a file, or a folder without \`.tar\`.`,
  ],
  'a pipe': [
    async ({ file, workspace }) => {
      await mkdir(join(workspace, 'out'))
      execFileSync('mkfifo', [file])
    },
    (file) => `\`output\` is ${file}, which is a device or something else that is no file; name another file.`,
  ],
  'a link': [
    async ({ file, workspace, temporary }) => {
      await mkdir(join(workspace, 'out'))
      await symlink(join(temporary, 'precious'), file)
    },
    (file) =>
      `\`output\` is ${file}, where ${file} is a link, which may lead anywhere; name a file that is reached without one.`,
  ],
  'below a file': [
    ({ workspace }) => writeFile(join(workspace, 'out'), ''),
    (file) => `\`output\` is ${file}, which cannot be written to (ENOTDIR); name another file.`,
  ],
  'a name that is taken for the unfinished archive': [
    ({ workspace }) => mkdir(join(workspace, 'out', '.image.tar.unfinished'), { recursive: true }),
    (file) => `\`output\` is ${file}, which cannot be written to (EISDIR); name another file.`,
  ],
}

test.each(Object.entries(refusals))('%s is refused before any work', async (_, [plant, sentence]) => {
  await using at = await places()
  await plant(at)
  const { temporary } = at
  const error = await openImageLayout(at.file, at.workspace, { temporary, signal: never }).catch((error) => error)
  expect(error).toBeInstanceOf(UserError)
  expect(error.message).toBe(sentence(at.file))
})

test('a link where the unfinished archive will be is not followed', async () => {
  await using at = await places()
  const precious = join(at.workspace, 'precious')
  await writeFile(precious, 'precious')
  await mkdir(join(at.workspace, 'out'))
  await symlink(precious, join(at.workspace, 'out', '.image.tar.unfinished'))
  await write(at)
  expect(await readFile(precious, 'utf8')).toBe('precious')
  expect((await stat(at.file)).size).toBeGreaterThan(700_000)
})
