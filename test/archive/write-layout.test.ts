import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareLayout, writeLayout } from '../../src/archive/write-layout.ts'
import { UserError } from '../../src/error.ts'
import { image } from '../../src/oci/image.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const made = image([], { architecture: 'amd64', created: '1970-01-01T00:00:01Z' })

test('a layout is written, and once more over an earlier one', async () => {
  await using workspace = await temporaryFolder('layout')
  const folder = join(workspace.path, 'deep', 'image')
  for (const tag of ['first', 'second']) {
    await prepareLayout(folder, workspace.path)
    await writeLayout(folder, [made], made.manifest, [tag])
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout'])
    expect(await readFile(join(folder, 'index.json'), 'utf8')).toContain(`"${tag}"`)
  }
})

test('a link above the folder is followed where it is not in the workspace, as the machine has some', async () => {
  await using machine = await temporaryFolder('layout')
  const [workspace, other, link] = ['workspace', 'other', 'link'].map((name) => join(machine.path, name)) as [
    string,
    string,
    string,
  ]
  await mkdir(workspace)
  await mkdir(other)
  await symlink(other, link)
  await prepareLayout(join(link, 'image'), workspace)
  expect(await readdir(join(other, 'image'))).toContain('blobs')
  await symlink(workspace, join(other, 'to-workspace'))
  await prepareLayout(join(other, 'to-workspace', 'image'), workspace)
  await symlink(other, join(workspace, 'out'))
  for (const path of ['workspace/out/new', 'other/to-workspace/out/new', 'link/to-workspace/out/new'])
    await expect(prepareLayout(join(machine.path, path), workspace), path).rejects.toThrow(/out is a link/)
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
