import { execFileSync } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTextFile } from '../../src/lib/read-text-file.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('a file is read, also by a link and where the system does not know its size', async () => {
  await using folder = await temporaryFolder('text')
  const file = join(folder.path, 'file')
  await writeFile(file, 'süß\n')
  await symlink(file, join(folder.path, 'link'))
  expect(await readTextFile(file)).toBe('süß\n')
  expect(await readTextFile(join(folder.path, 'link'))).toBe('süß\n')
  expect(await readTextFile('/proc/self/status')).toContain('Pid:')
})

test('what is not there, no file, without an end or too large is an error with a code', async () => {
  await using folder = await temporaryFolder('text')
  const [pipe, large] = [join(folder.path, 'pipe'), join(folder.path, 'large')]
  execFileSync('mkfifo', [pipe])
  await writeFile(large, Buffer.alloc(8_000_001))
  const code = (path: string) =>
    readTextFile(path).then(
      () => 'read',
      (error) => error.code,
    )
  expect(await Promise.all([join(folder.path, 'missing'), folder.path, pipe, '/dev/zero', large].map(code))).toEqual([
    'ENOENT',
    'ENOTFILE',
    'ENOTFILE',
    'ENOTFILE',
    'EFBIG',
  ])
  await writeFile(large, Buffer.alloc(8_000_000))
  expect(await code(large)).toBe('read')
})
