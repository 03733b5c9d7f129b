import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import { checkValidity } from '../../src/nix/check-validity.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { withNix } from '../support/nix.ts'

const refusal = (path: StorePath): UserError =>
  new UserError(
    `${path} is needed by the packages, but is not valid in Nix's database, so nobody knows what is in it; run \`nix-store --verify --check-contents --repair\` on this machine.`,
  )

test('a store path that Nix does not call valid is refused by name, whatever lies there', async () => {
  const stray: StorePath = `/nix/store/${'0'.repeat(31)}1-stray`
  await withNix(async (nix, { temporary }) => {
    const file = join(temporary, 'file')
    await writeFile(file, 'known')
    const known = parseStorePath((await nix('nix-store', ['--add', file])).trim(), 'the path')
    await expect(checkValidity([known, stray], nix)).rejects.toThrow(refusal(stray))
    try {
      await writeFile(stray, 'left by an import that was refused')
      await expect(checkValidity([known, stray], nix)).rejects.toThrow(refusal(stray))
    } finally {
      await rm(stray, { force: true })
    }
    await expect(checkValidity([known], nix)).resolves.toBeUndefined()
  })
})

test('more paths than fit into the arguments of a process are asked for', async () => {
  const stray: StorePath = `/nix/store/${'0'.repeat(31)}2-stray`
  await withNix(async (nix, { temporary }) => {
    const file = join(temporary, 'a'.repeat(200))
    await writeFile(file, 'known')
    const known = parseStorePath((await nix('nix-store', ['--add', file])).trim(), 'the path')
    const many = Array.from({ length: 15_000 }, () => known)
    await expect(checkValidity([...many, stray], nix)).rejects.toThrow(refusal(stray))
  })
})
