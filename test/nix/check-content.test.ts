import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { checkContent } from '../../src/nix/check-content.ts'
import { hashNar } from '../../src/nix/nar.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('a path that was written to since it was made is named, with both hashes', async () => {
  await using folder = await temporaryFolder('content')
  const path = folder.path as StorePath
  await writeFile(join(path, 'file'), 'honest')
  const honest = hashNar(path)
  checkContent(path, honest)
  await writeFile(join(path, 'file'), 'changed')
  expect(() => checkContent(path, honest)).toThrow(UserError)
  expect(() => checkContent(path, honest)).toThrow(
    `${path} should have the content ${honest}, but was changed to ${hashNar(path)}; run`,
  )
})
