import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EntryEdits, editEntry, evilPath, field, set, without } from '../support/edit-entry.ts'
import { type FirstRun, firstRun, narinfo, storePaths } from '../support/first-run.ts'

let first: FirstRun

beforeAll(async () => {
  first = await firstRun()
})
afterAll(() => first[Symbol.asyncDispose]())

let count = 0

describe('nothing is restored that somebody else has made:', () => {
  let entry: string
  let honestEntry: string

  beforeAll(async () => {
    honestEntry = await first.save('to-attack')
  })

  let edits: EntryEdits
  const { change, nar, replaced, replace, sign, add }: EntryEdits = {
    change: (...args) => edits.change(...args),
    nar: (...args) => edits.nar(...args),
    replaced: (...args) => edits.replaced(...args),
    replace: (...args) => edits.replace(...args),
    sign: (...args) => edits.sign(...args),
    add: (...args) => edits.add(...args),
  }
  const start = async (): Promise<void> => {
    entry = join(first.folder, `attack-${count++}`)
    await cp(honestEntry, entry, { recursive: true })
    edits = editEntry(first, entry)
  }

  /** The changes to the entry. */
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
    'a NAR that another one follows': async () => {
      const file = await nar(first.pkg)
      const bytes = await readFile(file)
      await writeFile(file, Buffer.concat([bytes, bytes]))
    },
    'a NAR that is packed again': async () => {
      const file = await nar(first.pkg)
      await writeFile(file, zstdCompressSync(await readFile(file)))
    },
    'a NAR of gigabytes': async () => writeFile(await nar(first.pkg), zstdCompressSync(Buffer.alloc(1_000_000_000))),
    'a size of gigabytes': () => change(first.pkg, set('NarSize', '999999999999999')),
    'a size that is none': () => change(first.pkg, set('NarSize', '0x10')),
    'two sizes': () => change(first.pkg, (text) => `NarSize: 1\n${text}`),
    'two store paths': () => change(first.pkg, (text) => `${text}StorePath: ${evilPath}\n`),
    'a line that Nix does not know': () => change(first.pkg, (text) => `${text}Evil: yes\n`),
    'a line that ends in another way': () => change(first.pkg, (text) => text.replace('\n', '\r\n')),
    'a NAR in another place of the folder': async () => {
      await rename(await nar(first.pkg), join(entry, 'evil.nar.zst'))
      await change(first.pkg, set('URL', 'evil.nar.zst'))
    },
    'a NAR that is to be downloaded': () => change(first.pkg, set('URL', 'https://example.org/evil.nar.zst')),
    'a file that no run saves': () => writeFile(join(entry, 'evil'), 'evil'),
    'a realisation': async () => {
      await mkdir(join(entry, 'realisations'), { recursive: true })
      await writeFile(join(entry, 'realisations', 'sha256:0!out.doi'), '{}')
    },
    'a source with another name': () => add(evilPath, `CA: fixed:r:sha256:${'0'.repeat(52)}`),
    'a path under the name of another': async () =>
      writeFile(narinfo(entry, evilPath), await readFile(narinfo(entry, first.library))),
    'a binary cache that does not say of which store': () => rm(join(entry, 'nix-cache-info')),
  }

  test.each(Object.entries(attacks))('%s', async (name, attack) => {
    await start()
    await attack()
    // `restore` has checked that restored paths have the content that they should have.
    const { restored, said } = await first.restore(entry)
    if (said.length === 0) expect(restored, name).toEqual(first.all)
    else {
      // The source is restored before the rest, and the attack may not have changed it.
      expect(restored.filter((path) => path !== first.source)).toEqual([])
      expect(said).toEqual([
        expect.stringMatching(
          /^No store paths were restored: the entry \S+ of the Actions cache is not one to trust: /,
        ),
      ])
    }
  })

  test.each([
    ['the same, without a signature', () => first.pkg],
    ['a path that nobody has signed', () => evilPath],
  ])('whoever does not ask for signatures gets %s', async (name, path) => {
    await start()
    await attacks[name]?.()
    await first.inStore(first.emptyStore(), async (nix) => {
      const settings = { substituters: `file://${entry}`, 'require-sigs': 'false' }
      const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
      expect(storePaths(await nix('nix-store', ['--realise', ...options, path()]))).toEqual([path()])
    })
  })

  test('are enough of them', () => expect(Object.keys(attacks).length).toBeGreaterThanOrEqual(45))
})
