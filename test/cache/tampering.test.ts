import { createHash } from 'node:crypto'
import { cp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { type FirstRun, firstRun, narinfo, storePaths } from '../support/first-run.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let first: FirstRun

beforeAll(async () => {
  first = await firstRun()
})
afterAll(() => first[Symbol.asyncDispose]())

let count = 0

const field = (text: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''

describe('nothing is restored that somebody else has made:', () => {
  let entry: string
  let honestEntry: string

  beforeAll(async () => {
    honestEntry = await first.save('to-attack')
  })

  const change = async (path: StorePath, edit: (text: string) => string): Promise<void> => {
    const file = narinfo(entry, path)
    const text = await readFile(file, 'utf8')
    const changed = edit(text)
    expect(changed).not.toBe(text)
    await writeFile(file, changed)
  }
  const set = (name: string, value: string) => (text: string) =>
    text.replace(new RegExp(`^${name}: .*$`, 'm'), `${name}: ${value}`)
  const without = (name: string) => (text: string) => text.replace(new RegExp(`^${name}: .*\n`, 'm'), '')
  const nar = async (path: StorePath): Promise<string> =>
    join(entry, field(await readFile(narinfo(entry, path), 'utf8'), 'URL'))
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  const base32 = async (hex: string): Promise<string> =>
    `sha256:${(await output('nix-hash', ['--to-base32', '--type', 'sha256', hex])).trim()}`

  /** A narinfo that says what is true of a NAR with other content. */
  const replaced = async (path: StorePath): Promise<(text: string) => string> => {
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
  const replace = async (path: StorePath, edit: (text: string) => string = (text) => text): Promise<void> => {
    const honestFields = await replaced(path)
    await change(path, (text) => edit(honestFields(text)))
  }
  const sign = (path: StorePath, name: string): Promise<string> =>
    output('nix', [
      '--extra-experimental-features',
      'nix-command',
      'store',
      'sign',
      '--store',
      `file://${entry}`,
      '--key-file',
      first.secretFile(name),
      path,
    ])
  const evilPath = parseStorePath('/nix/store/11111111111111111111111111111111-evil', 'the path')
  const add = (path: StorePath, ...more: string[]): Promise<void> =>
    readFile(narinfo(entry, first.library), 'utf8').then((text) =>
      writeFile(
        narinfo(entry, path),
        `${without('Sig')(set('References', '')(set('StorePath', path)(text)))}${more.map((line) => `${line}\n`).join('')}`,
      ),
    )

  /** What is done to the entry, and whether what it is done to may still be restored, since that is as it should be. */
  const attacks: Record<string, () => Promise<unknown>> = {
    'a NAR with a byte changed': async () => {
      const file = await nar(first.pkg)
      const bytes = await readFile(file)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      await writeFile(file, bytes)
    },
    'a NAR with other content': () => replaced(first.pkg),
    'a NAR with other content and its file hash': async () => {
      const honestFields = await replaced(first.pkg)
      await change(first.pkg, (text) => {
        const changed = honestFields(text)
        return set('FileSize', field(changed, 'FileSize'))(set('FileHash', field(changed, 'FileHash'))(text))
      })
    },
    'a NAR with other content, and the hashes of that': () => replace(first.pkg),
    'the same, without a signature': () => replace(first.pkg, without('Sig')),
    'the same, with an empty signature': () => replace(first.pkg, set('Sig', 'upstream-1:')),
    'the same, with a signature of zeros': () =>
      replace(first.pkg, set('Sig', `upstream-1:${Buffer.alloc(64).toString('base64')}`)),
    'the same, signed with a key that nobody trusts': async () => {
      await replace(first.pkg, without('Sig'))
      await sign(first.pkg, 'evil-1')
    },
    'the same, signed with another key of the name of one that is trusted': async () => {
      await replace(first.pkg, without('Sig'))
      await sign(first.pkg, 'evil-1')
      await change(first.pkg, (text) => text.replace('Sig: evil-1:', 'Sig: upstream-1:'))
    },
    'the same, signed with another key of the name of ours': async () => {
      await replace(first.image, without('Sig'))
      await sign(first.image, 'evil-1')
      await change(first.image, (text) => text.replace('Sig: evil-1:', 'Sig: ours-1:'))
    },
    'the same, said to be named by its content, as files': () =>
      replace(first.pkg, (text) => `${without('Sig')(text)}CA: fixed:r:${field(text, 'NarHash')}\n`),
    'the same, said to be named by its content, as a text': () =>
      replace(first.pkg, (text) => `${without('Sig')(text)}CA: text:${field(text, 'NarHash')}\n`),
    'a source with other content, said to be named by it': () =>
      replace(first.source, (text) => set('CA', `fixed:r:${field(text, 'NarHash')}`)(text)),
    'a source with other content under its own name': () => replace(first.source),
    'a source with other content, signed with a key that nobody trusts': async () => {
      await replace(first.source, without('CA'))
      await sign(first.source, 'evil-1')
    },
    'a reference less': () => change(first.image, (text) => text.replace(/^(References: .*) \S+$/m, '$1')),
    'a reference more': async () => {
      await add(evilPath)
      await change(first.pkg, (text) => text.replace(/^References: .*$/m, `$& ${evilPath.slice('/nix/store/'.length)}`))
    },
    'a path that nobody has signed': () => add(evilPath),
    'a path that is signed with a key that nobody trusts': async () => {
      await add(evilPath)
      await sign(evilPath, 'evil-1')
    },
    'a path with the signature of another': async () =>
      add(evilPath, `Sig: ${field(await readFile(narinfo(entry, first.library), 'utf8'), 'Sig')}`),
    'two paths with their files swapped': async () => {
      const [a, b] = [await nar(first.pkg), await nar(first.library)]
      await rename(a, `${a}.x`)
      await rename(b, a)
      await rename(`${a}.x`, b)
    },
    'two paths with the URLs swapped': async () => {
      const url = field(await readFile(narinfo(entry, first.library), 'utf8'), 'URL')
      await change(first.pkg, set('URL', url))
    },
    'two narinfo files swapped': async () => {
      const [a, b] = [narinfo(entry, first.pkg), narinfo(entry, first.library)]
      await rename(a, `${a}.x`)
      await rename(b, a)
      await rename(`${a}.x`, b)
    },
    'a file that belongs to another folder': () => change(first.pkg, set('URL', '../../../../../../../etc/passwd')),
    'a link in place of a NAR': async () => {
      const file = await nar(first.pkg)
      await rm(file)
      await symlink('/etc/passwd', file)
    },
    'a NAR that is not there': async () => rm(await nar(first.pkg)),
    'a NAR that is cut off': async () => {
      const file = await nar(first.pkg)
      await writeFile(file, (await readFile(file)).subarray(0, 100))
    },
    'another compression': () => change(first.pkg, set('Compression', 'none')),
    'another size': () => change(first.pkg, set('NarSize', '1')),
    'a narinfo that is empty': () => writeFile(narinfo(entry, first.pkg), ''),
    'a narinfo that is none': () => writeFile(narinfo(entry, first.pkg), Buffer.alloc(1000, 0xff)),
    'a narinfo that is cut off': async () => change(first.pkg, (text) => text.slice(0, text.length >> 1)),
    'a binary cache of another store': () => writeFile(join(entry, 'nix-cache-info'), 'StoreDir: /evil/store\n'),
    'a binary cache that does not say of which store': () => rm(join(entry, 'nix-cache-info')),
  }

  test.each(Object.entries(attacks))('%s', async (name, attack) => {
    entry = join(first.folder, `attack-${count++}`)
    await cp(honestEntry, entry, { recursive: true })
    await attack()
    // What is restored is looked at there: it has the content that it should have.
    const { restored, said } = await first.restore(entry)
    expect(first.all).toEqual(expect.arrayContaining([...restored]))
    expect(restored).not.toContain(evilPath)
    if (said.length === 0) expect(restored, name).toEqual(first.all)
    expect(said.length).toBeLessThan(2)
  })

  test.each([
    ['the same, without a signature', () => first.pkg],
    ['a path that nobody has signed', () => evilPath],
  ])('whoever does not ask for signatures gets %s', async (name, path) => {
    entry = join(first.folder, `attack-${count++}`)
    await cp(honestEntry, entry, { recursive: true })
    await attacks[name]?.()
    await first.inStore(first.emptyStore(), async (nix) => {
      const settings = { substituters: `file://${entry}`, 'require-sigs': 'false' }
      const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
      expect(storePaths(await nix('nix-store', ['--realise', ...options, path()]))).toEqual([path()])
    })
  })

  test('are enough of them', () => expect(Object.keys(attacks).length).toBeGreaterThanOrEqual(20))
})
