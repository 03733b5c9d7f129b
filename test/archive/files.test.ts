import { execFileSync } from 'node:child_process'
import { chmod, link, mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tarHeader } from '../../src/archive/header.ts'
import { tar } from '../../src/archive/tar.ts'
import { storePathsTree } from '../../src/archive/tree.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { need, output, run } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder('files')
afterAll(() => folder[Symbol.asyncDispose]())
const tree = join(folder.path, 'package')
const archive = join(folder.path, 'archive.tar')
const sparseSize = 5_000_000

/** A package as it may be on a disk, whatever Nix makes of it. docs/files.md has the table of what becomes of it. */
beforeAll(async () => {
  await mkdir(tree)
  await writeFile(join(tree, 'first'), 'linked')
  await link(join(tree, 'first'), join(tree, 'second'))
  await writeFile(join(tree, 'sparse'), 'start')
  await truncate(join(tree, 'sparse'), sparseSize)
  await writeFile(join(tree, 'setuid'), '')
  await chmod(join(tree, 'setuid'), 0o6755)
  await writeFile(join(tree, 'attributes'), '')
  execFileSync('python3', ['-c', 'import os, sys; os.setxattr(sys.argv[1], "user.a", b"b")', join(tree, 'attributes')])
  await writeFile(join(tree, 'line\nbreak'), '')
  await writeFile(join(tree, 'x'.repeat(255)), '')
  for (const name of ['Case', 'case']) await writeFile(join(tree, name), name)
  await writeFile(archive, await buffer(tar(storePathsTree([tree as StorePath]))))
})

/** The members as Python reads them: type, mode, size, pax headers, and whether all of the content is zeros. */
const members = async (): Promise<Record<string, unknown>> => {
  const script = `
import json, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    print(json.dumps({m.name[len(sys.argv[2]):]: [m.type.decode(), '%o' % m.mode, m.size, sorted(m.pax_headers),
        archive.extractfile(m).read().strip(b'\\0').decode() if m.isreg() else ''] for m in archive}))`
  return JSON.parse(await output('python3', ['-c', script, archive, `${tree.slice(1)}/`]))
}

test.each<[string, string, unknown[]]>([
  ['a hard link is a file of its own', 'first', ['0', '444', 6, [], 'linked']],
  ['and so is the other one', 'second', ['0', '444', 6, [], 'linked']],
  ['a sparse file is whole', 'sparse', ['0', '444', sparseSize, [], 'start']],
  ['of the modes, the executable bit counts', 'setuid', ['0', '555', 0, [], '']],
  ['extended attributes are left out', 'attributes', ['0', '444', 0, [], '']],
  ['a name may have a line break', 'line\nbreak', ['0', '444', 0, [], '']],
  ['a name may be as long as a disk takes it', 'x'.repeat(255), ['0', '444', 0, ['path'], '']],
  ['names may differ in case alone', 'Case', ['0', '444', 4, [], 'Case']],
])('%s', async (_, name, expected) => {
  expect((await members())[name]).toEqual(expected)
})

test.each([
  ['GNU tar', 'tar', ['--list', '--verbose', '--file'], 'tar'],
  ['bsdtar', 'bsdtar', ['-tvf'], 'libarchive-tools'],
])('%s reads the size of a file of more than 8 GiB', async (_, program, args, debianPackage) => {
  const size = 2 ** 33 + 5
  const file = join(folder.path, 'large.tar')
  await writeFile(file, tarHeader({ type: 'file', name: 'large', mode: 0o444, content: { size, read: () => [] } }))
  // The content is not there, so that they end with an error behind the name.
  const { stdout } = await run(need(program, debianPackage), [...args, file])
  expect(stdout).toContain(` ${size} `)
})
