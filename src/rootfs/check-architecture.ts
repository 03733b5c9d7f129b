import { open, realpath } from 'node:fs/promises'
import { fileNameBytes } from '../archive/file-name.ts'
import { UserError } from '../lib/error.ts'
import type { Platform } from '../oci/platform.ts'
import type { Links } from './links.ts'

/** `e_machine` in the ELF header of programs that run on a platform: its own, and that of its 32-bit predecessor. */
const machines: Readonly<Record<Platform, readonly number[]>> = { 'linux/amd64': [62, 3], 'linux/arm64': [183, 40] }

const machineNames: Readonly<Record<number, string>> = {
  3: 'i386',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
}

/**
 * Throws a `UserError` if a program in `/bin` or `/sbin` is for another kind of machine than the image. This happens if
 * a package set does not pass `system` on. Files that are not ELF files are ignored. Source: System V ABI, "ELF
 * Header".
 */
export const checkArchitecture = async (links: Links, platform: Platform): Promise<void> => {
  for (const [name, target] of links) {
    if (!target || !/^s?bin\//.test(name)) continue
    const machine = await machineOf(target)
    if (machine !== undefined && !machines[platform].includes(machine))
      throw new UserError(
        `/${name} is a program for ${machineNames[machine] ?? `machine ${machine}`}, but the image is for ${platform}; let the package set use the \`system\` that it is given.`,
      )
  }
}

const machineOf = async (link: string): Promise<number | undefined> => {
  const file = await realpath(fileNameBytes(link), { encoding: 'buffer' }).catch(() => Buffer.alloc(0))
  // A link to /bin/sh means the image's file, not the one of this machine.
  if (file.indexOf('/nix/store/') !== 0) return undefined
  const handle = await open(file).catch(() => undefined)
  if (!handle) return undefined
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(20), 0, 20, 0)
    if (bytesRead < 20 || buffer.toString('latin1', 0, 4) !== '\x7fELF') return undefined
    return buffer[5] === 2 ? buffer.readUInt16BE(18) : buffer.readUInt16LE(18)
  } catch {
    // A link in /bin may lead to a directory, which cannot be read.
    return undefined
  } finally {
    await handle.close()
  }
}
