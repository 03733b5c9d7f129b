import { execFileSync } from 'node:child_process'
import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { copyToNewFile, writeNewFile } from '../../src/lib/write-new-file.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('what stands at the name of a file is replaced and stays as it is elsewhere', async () => {
  await using folder = await temporaryFolder('new-file')
  const at = (name: string): string => join(folder.path, name)
  await writeFile(at('from'), 'new')
  await writeFile(at('precious'), 'old')
  const planted: Record<string, (file: string) => Promise<void>> = {
    link: (file) => symlink(at('precious'), file),
    'hard link': (file) => link(at('precious'), file),
    'dangling link': (file) => symlink(at('not-there'), file),
    pipe: async (file) => void execFileSync('mkfifo', [file]),
    file: (file) => writeFile(file, 'longer than the new content'),
    nothing: async () => {},
  }
  for (const [name, plant] of Object.entries(planted)) {
    await plant(at(`${name} 1`))
    await writeNewFile(at(`${name} 1`), 'new')
    await plant(at(`${name} 2`))
    await copyToNewFile(at('from'), at(`${name} 2`))
    expect([await readFile(at(`${name} 1`), 'utf8'), await readFile(at(`${name} 2`), 'utf8')]).toEqual(['new', 'new'])
  }
  expect(await readFile(at('precious'), 'utf8')).toBe('old')
  await expect(readFile(at('not-there'))).rejects.toThrow('ENOENT')
})

test('a folder of that name is an error', async () => {
  await using folder = await temporaryFolder('new-file')
  await mkdir(join(folder.path, 'file'))
  await expect(writeNewFile(join(folder.path, 'file'), '')).rejects.toMatchObject({ code: 'EISDIR' })
})
