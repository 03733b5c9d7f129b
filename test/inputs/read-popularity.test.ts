import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPopularity } from '../../src/inputs/read-popularity.ts'
import { UserError } from '../../src/lib/error.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('the counts of the file are read, and none where there is no file', async () => {
  await using folder = await temporaryFolder('popularity')
  const file = join(folder.path, 'popularity.json')
  await writeFile(file, '{ "glibc": 5000, "git": 7 }')
  expect([...(await readPopularity(file))]).toEqual([
    ['git', 7],
    ['glibc', 5000],
  ])
  expect(await readPopularity(undefined)).toEqual(new Map())
})

test('a file that is not there, or has something else, is one sentence', async () => {
  await using folder = await temporaryFolder('popularity')
  const file = join(folder.path, 'popularity.json')
  await expect(readPopularity(file)).rejects.toThrow(
    new UserError(
      `\`popularity\` is ${file}, which cannot be read (ENOENT); check the path, and that actions/checkout ran before this step.`,
    ),
  )
  await writeFile(file, '{ "glibc": "many" }')
  await expect(readPopularity(file)).rejects.toThrow(
    new UserError(
      `\`popularity\` is ${file}: the popularity data has no whole number from 0 at "glibc"; write an object of names and counts, as in { "glibc": 5000 }.`,
    ),
  )
})
