import type { StorePath } from '../nix/store-path.ts'
import { narStrings, narText } from './nar-text.ts'
import { type ExtendedNames, extendedNames, isEnd, type Member, memberOf, unit, unlikeOurs } from './tar-member.ts'

/**
 * How to build the NARs from a block of the archive. Each three numbers of `cuts` are a step: a number of bytes to take
 * from `text`, which has the bytes of NARs that are not in the archive; then the start and the end of the bytes to take
 * from the block. If the end is 0, the NAR ends after the text.
 */
export type NarSteps = { readonly text: Uint8Array<ArrayBuffer>; readonly cuts: readonly number[] }

/** A store path that has been read, with the size of its NAR in bytes. */
type NarSize = { readonly path: StorePath; readonly narSize: number }

export type NarsOfTar = {
  /** Reads the next block of the archive. The size of each block but the last is a multiple of 512 bytes. */
  readonly read: (block: Uint8Array) => NarSteps
  /** The NARs in the order of the archive. Throws an `Error` before the end of the archive has been read. */
  readonly sizes: () => readonly NarSize[]
}

/**
 * Turns an archive of store paths into their NARs, block by block. It uses nothing but the bytes of the archive, so
 * that the hash of a NAR proves the content of the layer. It reads only archives as `tar` writes them, and throws an
 * `Error` at anything that a NAR cannot express. Sources: POSIX.1-2017 "pax", "ustar Interchange Format"; the Nix
 * manual, "Nix Archive (NAR) format".
 */
export const narsOfTar = (): NarsOfTar => {
  const output = narText()
  const sizes: NarSize[] = []
  let cuts: number[] = []
  let current: StorePath | undefined
  let narSize = 0
  /** The directories that are not closed in the NAR yet, by their names in the archive. */
  const open: string[] = []
  let hasEnded = false

  /** The member whose content is being read; `remaining` bytes of it are left. */
  let member: Member | undefined
  let remaining = 0
  let extended: Buffer[] = []
  let names: ExtendedNames = {}

  const step = (from: number, to: number): void => {
    const length = output.cut()
    cuts.push(length, from, to)
    narSize += length + to - from
  }
  const closeDirectory = (): void => {
    open.pop()
    output.add(open.length > 0 ? close2 : close)
  }
  const endNar = (): void => {
    if (!current) return
    while (open.length > 0) closeDirectory()
    step(0, 0)
    sizes.push({ path: current, narSize })
    narSize = 0
    current = undefined
  }

  const begin = ({ name, type, mode, target, size }: Member): void => {
    const slash = name.lastIndexOf('/')
    const parent = name.slice(0, Math.max(slash, 0))
    if (name === 'nix' || name === 'nix/store') {
      if (type !== 'directory' || current) throw unlikeOurs(name)
      return
    }
    if (parent === 'nix/store') {
      endNar()
      current = `/${name}` as StorePath
      output.add(magic)
    } else {
      while (open.length > 0 && open.at(-1) !== parent) closeDirectory()
      if (open.length === 0) throw unlikeOurs(name)
      output.add(entry)
      output.addString(name.slice(slash + 1))
      output.add(node)
    }
    if (mode !== modes[type] && !(type === 'file' && mode === executableMode)) throw unlikeOurs(name)
    if (type === 'directory') {
      output.add(directory)
      open.push(name)
    } else if (type === 'symlink') {
      output.add(symlink)
      output.addString(target)
      output.add(open.length > 0 ? close2 : close)
    } else {
      output.add(mode === executableMode ? executable : regular)
      output.addSize(size)
    }
  }

  const endMember = ({ type, size }: Member): void => {
    if (type === 'extended') {
      names = extendedNames(Buffer.concat(extended))
      extended = []
    } else if (type === 'file') {
      output.addPadding(size)
      output.add(open.length > 0 ? close2 : close)
    }
  }

  const read = (block: Uint8Array): NarSteps => {
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
    for (let at = 0; at < bytes.length; ) {
      if (member) {
        const end = Math.min(at + remaining, bytes.length)
        if (member.type === 'extended') extended.push(Buffer.from(bytes.subarray(at, end)))
        else step(at, end)
        remaining -= end - at
        at = end
        if (remaining > 0) break
        endMember(member)
        at += (unit - (member.size % unit)) % unit
        member = undefined
        continue
      }
      if (isEnd(bytes, at)) {
        endNar()
        hasEnded = true
      } else if (hasEnded || at + unit > bytes.length) {
        throw new Error('a layer has something behind its end')
      } else {
        const next = memberOf(bytes.subarray(at, at + unit), names)
        if (next.type !== 'extended') {
          begin(next)
          names = {}
        }
        if (next.size > 0) {
          member = next
          remaining = next.size
        } else endMember(next)
      }
      at += unit
    }
    const steps = { text: output.take(), cuts }
    cuts = []
    return steps
  }

  return {
    read,
    sizes: () => {
      if (!hasEnded) throw new Error('a layer has no end')
      return sizes
    },
  }
}

const modes: Readonly<Record<Member['type'], number>> = { file: 0o444, directory: 0o555, symlink: 0o777, extended: 0 }
const executableMode = 0o555

const magic = narStrings('nix-archive-1', '(', 'type')
const entry = narStrings('entry', '(', 'name')
const node = narStrings('node', '(', 'type')
const directory = narStrings('directory')
const symlink = narStrings('symlink', 'target')
const regular = narStrings('regular', 'contents')
const executable = narStrings('regular', 'executable', '', 'contents')
const close = narStrings(')')
const close2 = narStrings(')', ')')
