import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UserError } from '../../src/lib/error.ts'
import type { Platform } from '../../src/oci/platform.ts'
import { checkArchitecture } from '../../src/rootfs/check-architecture.ts'
import { need, output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/** The first bytes of a program for a machine. `order` is 1 for little-endian numbers, and 2 for big-endian ones. */
const elf = (machine: number, order = 1): Buffer => {
  const header = Buffer.alloc(64)
  header.write('\x7fELF', 'latin1')
  header[4] = 2
  header[5] = order
  if (order === 2) header.writeUInt16BE(machine, 18)
  else header.writeUInt16LE(machine, 18)
  return header
}

const files: Readonly<Record<string, Buffer>> = {
  amd64: elf(62),
  arm64: elf(183),
  i386: elf(3),
  arm: elf(40),
  riscv64: elf(243),
  s390x: elf(22, 2),
  script: Buffer.from('#!/bin/sh\nexec something-longer-than-a-header\n'),
  almost: Buffer.concat([Buffer.from('\x7fELG', 'latin1'), elf(183).subarray(4)]),
  short: elf(183).subarray(0, 19),
  'just-long-enough': elf(183).subarray(0, 20),
  empty: Buffer.alloc(0),
}

let folder: TemporaryFolder
let programs: string
beforeAll(async () => {
  folder = await temporaryFolder('check-architecture')
  const bin = join(folder.path, 'programs')
  await mkdir(bin)
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(bin, name), bytes)
  await mkdir(join(bin, 'folder'))
  await symlink('arm64', join(bin, 'link'))
  await symlink('/bin/sh', join(bin, 'outside'))
  await symlink('gone', join(bin, 'broken'))
  programs = (await output(need('nix-store', 'nix-bin'), ['--add', bin])).trim()
})
afterAll(() => folder[Symbol.asyncDispose]())

const check = (file: string, platform: Platform, name = 'bin/x'): Promise<void> =>
  checkArchitecture(new Map([[name, file.startsWith('/') ? file : join(programs, file)]]), platform)

test.each<[string, Platform, string?]>([
  ['amd64', 'linux/amd64'],
  ['i386', 'linux/amd64'],
  ['arm64', 'linux/amd64', 'arm64'],
  ['just-long-enough', 'linux/amd64', 'arm64'],
  ['link', 'linux/amd64', 'arm64'],
  ['arm', 'linux/amd64', 'arm'],
  ['riscv64', 'linux/amd64', 'riscv64'],
  ['s390x', 'linux/amd64', 'machine 22'],
  ['arm64', 'linux/arm64'],
  ['arm', 'linux/arm64'],
  ['amd64', 'linux/arm64', 'amd64'],
  ['i386', 'linux/arm64', 'i386'],
  ['script', 'linux/amd64'],
  ['almost', 'linux/amd64'],
  ['short', 'linux/amd64'],
  ['empty', 'linux/amd64'],
  ['folder', 'linux/amd64'],
  ['outside', 'linux/arm64'],
  ['broken', 'linux/amd64'],
])('the program %s in an image for %s is one for %s', async (file, platform, machine) => {
  for (const name of ['bin/x', 'sbin/x']) {
    const checked = check(file, platform, name)
    if (machine === undefined) await checked
    else {
      await expect(checked).rejects.toThrow(
        `/${name} is a program for ${machine}, but the image is for ${platform}; let the package set use the \`system\` that it is given.`,
      )
      await expect(checked).rejects.toBeInstanceOf(UserError)
    }
  }
})

test.each(['lib/x', 'share/bin/x', 'xbin/x', 'binary', 'ssbin/x'])('%s is nobody’s business', async (name) => {
  await check('arm64', 'linux/amd64', name)
})

test('a program of this machine is none of the image’s, and a folder is no program', async () => {
  await writeFile(join(folder.path, 'here'), elf(183))
  await check(join(folder.path, 'here'), 'linux/amd64')
  await checkArchitecture(new Map([['bin/x', undefined]]), 'linux/amd64')
})

test('every program is looked at', async () => {
  const links = new Map([
    ['bin/a', join(programs, 'amd64')],
    ['share/x', join(programs, 'arm64')],
    ['bin/b', join(programs, 'arm64')],
  ])
  await expect(checkArchitecture(links, 'linux/amd64')).rejects.toThrow('/bin/b is a program for arm64')
})
