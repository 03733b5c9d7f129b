import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { type FirstRun, narinfo } from './first-run.ts'
import { output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export type Edit = (text: string) => string

export const field = (text: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''

/** Gives a field of a narinfo another value. The field must be there. */
export const set =
  (name: string, value: string): Edit =>
  (text) =>
    text.replace(new RegExp(`^${name}: .*$`, 'm'), () => `${name}: ${value}`)

export const without =
  (name: string): Edit =>
  (text) =>
    text.replace(new RegExp(`^${name}: .*\n`, 'm'), '')

/** A path that no honest run has. */
export const evilPath = parseStorePath('/nix/store/11111111111111111111111111111111-evil', 'the path')

/** The changes that an attacker can make to an entry, which is a folder. */
export type EntryEdits = {
  /** Changes the narinfo of a path. Throws an `Error` if nothing is changed. */
  change(path: StorePath, edit: Edit): Promise<void>
  /** The file with the NAR of a path. */
  nar(path: StorePath): Promise<string>
  /** Replaces the NAR of a path by one with other content. Returns the edit that makes the path's narinfo match it. */
  replaced(path: StorePath): Promise<Edit>
  /** Does the same, and changes the narinfo by that edit and then by `edit`. */
  replace(path: StorePath, edit?: Edit): Promise<void>
  /** Signs a path with the key of this name. */
  sign(path: StorePath, name: string): Promise<void>
  /** Adds a path that has the content of a library and no signature, with these additional lines in its narinfo. */
  add(path: StorePath, ...more: string[]): Promise<void>
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const base32 = async (hex: string): Promise<string> =>
  `sha256:${(await output('nix-hash', ['--to-base32', '--type', 'sha256', hex])).trim()}`

export const editEntry = (first: FirstRun, entry: string): EntryEdits => {
  const change: EntryEdits['change'] = async (path, edit) => {
    const file = narinfo(entry, path)
    const text = await readFile(file, 'utf8')
    const changed = edit(text)
    if (changed === text) throw new Error(`nothing is changed in ${file}`)
    await writeFile(file, changed)
  }
  const nar: EntryEdits['nar'] = async (path) => join(entry, field(await readFile(narinfo(entry, path), 'utf8'), 'URL'))
  const replaced: EntryEdits['replaced'] = async (path) => {
    await using content = await temporaryFolder('evil')
    await writeFile(join(content.path, 'evil'), 'evil')
    const file = join(content.path, 'nar')
    await output('bash', ['-c', 'nix-store --dump "$0" >"$1"', join(content.path, 'evil'), file])
    const plain = await readFile(file)
    await output('zstd', ['--quiet', '-o', `${file}.zst`, file])
    const packed = await readFile(`${file}.zst`)
    await writeFile(await nar(path), packed)
    const fields = {
      FileHash: await base32(hash(packed)),
      FileSize: `${packed.length}`,
      NarHash: await base32(hash(plain)),
      NarSize: `${plain.length}`,
    }
    return (text) => Object.entries(fields).reduce((changed, [name, value]) => set(name, value)(changed), text)
  }
  return {
    change,
    nar,
    replaced,
    replace: async (path, edit = (text) => text) => {
      const honestFields = await replaced(path)
      await change(path, (text) => edit(honestFields(text)))
    },
    sign: async (path, name) => {
      const args = ['store', 'sign', '--store', `file://${entry}`, '--key-file', first.secretFile(name), path]
      // Without the option, Nix would sign the outputs of the derivation.
      if (path.endsWith('.drv')) args.push('--derivation')
      await output('nix', ['--extra-experimental-features', 'nix-command', ...args])
    },
    add: async (path, ...more) => {
      const text = await readFile(narinfo(entry, first.library), 'utf8')
      const lines = more.map((line) => `${line}\n`).join('')
      await writeFile(
        narinfo(entry, path),
        `${without('Sig')(set('References', '')(set('StorePath', path)(text)))}${lines}`,
      )
    },
  }
}
