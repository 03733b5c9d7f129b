import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { type Digest, digestOf } from '../../src/oci/descriptor.ts'
import { image } from '../../src/oci/image.ts'
import { addLayerToLayout, prepareLayout, writeLayout } from '../../src/publish/write-layout.ts'
import { layoutContent } from '../support/layout-content.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const made = image([], { architecture: 'amd64', created: '1970-01-01T00:00:01Z' })

test('a layout is written, and once more over an earlier one', async () => {
  await using workspace = await temporaryFolder('layout')
  const folder = join(workspace.path, 'deep', 'image')
  for (const tag of ['first', 'second']) {
    await prepareLayout(folder, workspace.path)
    await writeLayout(folder, layoutContent(made, tag))
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'manifest.json', 'oci-layout'])
    expect(await readFile(join(folder, 'index.json'), 'utf8')).toContain(`"${tag}"`)
  }
})

test('a link above the folder is followed where it is not in the workspace, as the machine has some', async () => {
  await using machine = await temporaryFolder('layout')
  const [workspace, other, toOther] = ['workspace', 'other', 'link'].map((name) => join(machine.path, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(workspace)
  await mkdir(other)
  await symlink(other, toOther)
  await prepareLayout(join(toOther, 'image'), workspace)
  expect(await readdir(join(other, 'image'))).toContain('blobs')
  await symlink(workspace, join(other, 'to-workspace'))
  await prepareLayout(join(other, 'to-workspace', 'image'), workspace)
  await symlink(other, join(workspace, 'out'))
  for (const path of ['workspace/out/new', 'other/to-workspace/out/new', 'link/to-workspace/out/new'])
    await expect(prepareLayout(join(machine.path, path), workspace), path).rejects.toThrow(/out is a link/)
})

test('a folder that is a link itself is refused, in the workspace and elsewhere, and one in a link to nothing too', async () => {
  await using machine = await temporaryFolder('layout')
  const workspace = join(machine.path, 'workspace')
  const outside = join(machine.path, 'outside')
  await mkdir(workspace)
  await mkdir(outside)
  for (const [place, target] of [
    [join(workspace, 'there'), outside],
    [join(workspace, 'nowhere'), join(machine.path, 'nowhere')],
    [join(machine.path, 'elsewhere'), outside],
  ] as const) {
    await symlink(target, place)
    await expect(prepareLayout(place, workspace)).rejects.toThrow(
      `\`output\` is ${place}, where ${place} is a link, which may lead anywhere; name a folder that is reached without one.`,
    )
  }
  const beyond = join(workspace, 'nowhere', 'image')
  await expect(prepareLayout(beyond, workspace)).rejects.toThrow(/nowhere is a link/)
  expect(await readdir(outside)).toEqual([])
})

test('a folder that cannot be made is told with the reason, also where the workspace is not there', async () => {
  await using machine = await temporaryFolder('layout')
  const file = join(machine.path, 'file')
  await writeFile(file, '')
  const folder = join(file, 'image')
  const error = await prepareLayout(folder, join(machine.path, 'nowhere')).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({
    message: `\`output\` is ${folder}, which cannot be written to (ENOTDIR); name another folder.`,
    cause: { code: 'ENOTDIR' },
  })
})

test('layers and documents lie under their digests, and what cannot be copied is told as it is', async () => {
  await using workspace = await temporaryFolder('layout')
  const folder = join(workspace.path, 'image')
  const bytes = Buffer.from('a layer')
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(bytes), size: 7 }
  const file = join(workspace.path, 'layer')
  await writeFile(file, bytes)
  await prepareLayout(folder, workspace.path)
  const layer = { file, descriptor, diffID: descriptor.digest }
  await addLayerToLayout(folder, layer)
  await writeLayout(folder, layoutContent(made))
  const read = (digest: Digest): Promise<Buffer> => readFile(join(folder, 'blobs', ...digest.split(':')))
  expect(await read(descriptor.digest)).toEqual(bytes)
  for (const { descriptor, bytes } of [made.config, made.manifest])
    expect((await read(descriptor.digest)).equals(bytes)).toBe(true)
  await rm(file)
  await expect(addLayerToLayout(folder, layer)).rejects.toMatchObject({ code: 'ENOENT' })
})

test.each([
  ['a file of its own', 'README', ', which has other files in it; name an empty folder'],
  ['a file among the blobs', 'blobs/sha256/README', ', which has other files in it; name an empty folder'],
  ['a file as blobs', 'blobs', '/blobs is a link or something else that this action has not written'],
])('a folder with %s is refused', async (_, name, sentence) => {
  await using workspace = await temporaryFolder('layout')
  const folder = join(workspace.path, 'image')
  await mkdir(join(folder, name, '..'), { recursive: true })
  await writeFile(join(folder, name), '')
  const refusal = expect(prepareLayout(folder, workspace.path)).rejects
  await refusal.toThrow(UserError)
  await refusal.toThrow(sentence)
})

/** The result of preparing an image layout again after `spoil` has changed it. */
const spoiled = async (spoil: (folder: string) => Promise<unknown>): Promise<unknown> => {
  await using workspace = await temporaryFolder('layout')
  const folder = join(workspace.path, 'image')
  await prepareLayout(folder, workspace.path)
  await writeLayout(folder, layoutContent(made, 'v1'))
  await prepareLayout(folder, workspace.path)
  await spoil(folder)
  return await prepareLayout(folder, workspace.path).catch((error: unknown) => error)
}

const digits = '0'.repeat(64)
const names = ['xblobs', 'blobsx', 'xindex.json', 'index.jsonx', 'indexxjson', 'xoci-layout', 'oci-layoutx']
const inBlobs = ['xsha256', 'sha256x', `sha256/${digits}0`, `sha256/x${digits}`, `sha256/${'A'.repeat(64)}`]

test.each([...names, ...inBlobs.map((name) => `blobs/${name}`)])(
  'a layout that also has %s is refused',
  async (name) => {
    expect(`${await spoiled((folder) => writeFile(join(folder, name), ''))}`).toContain('which has other files in it')
  },
)

const blob = `blobs/sha256/${digits}`

const linkedElsewhere = async (file: string): Promise<void> => {
  const elsewhere = join(file, '..', '..', '..', '..', 'elsewhere')
  await writeFile(elsewhere, '')
  await link(elsewhere, file)
}

test.each<[string, string, (file: string) => Promise<unknown>]>([
  ['a link as a blob', blob, (file) => symlink('/etc/passwd', file)],
  ['a folder as a blob', blob, (file) => mkdir(file)],
  ['a blob that is another file, too', blob, linkedElsewhere],
  ['a link as its index', 'index.json', (file) => rm(file).then(() => symlink('oci-layout', file))],
  ['a link as its blobs', 'blobs', (file) => rm(file, { recursive: true }).then(() => symlink('.', file))],
])('a layout with %s is refused', async (_, name, spoil) => {
  expect(`${await spoiled((folder) => spoil(join(folder, name)))}`).toContain(
    `image/${name} is a link or something else that this action has not written; name an empty folder`,
  )
})

test('blobs of an earlier layout stay', async () => {
  expect(await spoiled((folder) => writeFile(join(folder, blob), 'earlier'))).toBeUndefined()
})

test('a folder that cannot be made is said with the reason', async () => {
  await using workspace = await temporaryFolder('layout')
  await writeFile(join(workspace.path, 'file'), '')
  const folder = join(workspace.path, 'file', 'image')
  const refusal = expect(prepareLayout(folder, workspace.path)).rejects
  await refusal.toThrow(`\`output\` is ${folder}, which cannot be written to (ENOTDIR); name another folder.`)
  await refusal.toThrow(UserError)
})
