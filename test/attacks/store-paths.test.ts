import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { StoreCacheOptions } from '../../src/cache/store-cache.ts'
import { attack } from '../support/attack.ts'
import { type EntryEdits, editEntry, evilPath, set, without } from '../support/edit-entry.ts'
import { type FirstRun, firstRun, narinfo, type Restored } from '../support/first-run.ts'
import { copySpy, makeSpy, type Spy } from '../support/spy.ts'

/** Entries with store paths that an attacker has changed; the rest of each entry is honest. */

let first: FirstRun
let honest: string
let count = 0

beforeAll(async () => {
  first = await firstRun()
  honest = await first.save('honest')
})
afterAll(() => first[Symbol.asyncDispose]())

type Attacked = { readonly entry: string; readonly edits: EntryEdits }

const attacked = async (fill: (attacked: Attacked) => Promise<unknown>): Promise<string> => {
  const entry = join(first.folder, `attacked-${count++}`)
  await cp(honest, entry, { recursive: true })
  await fill({ entry, edits: editEntry(first, entry) })
  return entry
}

const restore = async (
  fill: (attacked: Attacked) => Promise<unknown>,
  tools?: Partial<StoreCacheOptions>,
): Promise<Restored> => first.restore(await attacked(fill), tools)

/** The entry gave nothing but the source, which is asked for by its hash, and the run logged why. */
const expectRefused = ({ restored, said }: Restored, reason: RegExp): boolean => {
  expect(restored.filter((path) => path !== first.source)).toEqual([])
  expect(said).toEqual([expect.stringMatching(reason)])
  return true
}

const isBuilt = async (spy: Spy): Promise<boolean> => (await spy.loot()) !== undefined

describe('derivations', () => {
  const signers: [string, string | undefined][] = [
    ['that nobody has signed', undefined],
    ['that is signed with a key of the attacker', 'evil-1'],
    ['that is signed with the key of a substituter', 'upstream-1'],
    ['that is signed with our key', 'ours-1'],
  ]
  for (const [what, signer] of signers)
    attack('job of the default branch', 'code in the step', `a derivation ${what}`, async () => {
      const spy = await makeSpy(first.folder)
      const result = await restore(async ({ entry, edits }) => {
        await copySpy(spy, entry)
        if (signer) await edits.sign(spy.derivation, signer)
      })
      expect(await isBuilt(spy)).toBe(false)
      return expectRefused(result, /spy\.drv, which Nix would build/)
    })

  attack('job of a branch', 'code in the step', 'a derivation in a run that has no signing key', async () => {
    const spy = await makeSpy(first.folder)
    const result = await restore(
      async ({ entry, edits }) => {
        await copySpy(spy, entry)
        await edits.sign(spy.derivation, 'evil-1')
      },
      { signingKey: undefined },
    )
    expect(await isBuilt(spy)).toBe(false)
    return expectRefused(result, /spy\.drv, which Nix would build/)
  })

  attack('job of the default branch', 'code in the step', 'a signed path that references a derivation', async () => {
    const spy = await makeSpy(first.folder)
    const result = await restore(async ({ edits }) => {
      await edits.change(first.pkg, (text) =>
        without('Sig')(text.replace(/^References: .*$/m, `$& ${spy.derivation.slice('/nix/store/'.length)}`)),
      )
      await edits.sign(first.pkg, 'upstream-1')
    })
    expect(await isBuilt(spy)).toBe(false)
    return expectRefused(result, /spy\.drv, which Nix would build/)
  })

  attack('cache server', 'code in the step', 'a derivation under the name of a path that is asked for', async () => {
    const spy = await makeSpy(first.folder)
    const result = await restore(async ({ entry }) => {
      await copySpy(spy, entry)
      const text = await readFile(narinfo(entry, spy.derivation), 'utf8')
      await writeFile(narinfo(entry, first.pkg), text)
    })
    expect(await isBuilt(spy)).toBe(false)
    return expectRefused(result, /not one to trust/)
  })
})

describe('paths', () => {
  attack(
    'job of the default branch',
    'image',
    'a path with a valid signature that this run does not ask for',
    async () => {
      const { restored, said } = await restore(async ({ edits }) => {
        await edits.add(evilPath)
        await edits.sign(evilPath, 'upstream-1')
      })
      expect(restored).toEqual(first.all)
      expect(said).toEqual([])
      return false
    },
  )

  attack(
    'job of a branch',
    'image',
    'other content, signed by the attacker, in a run without a signing key',
    async () => {
      const { restored } = await restore(
        async ({ edits }) => {
          await edits.replace(first.pkg, without('Sig'))
          await edits.sign(first.pkg, 'evil-1')
        },
        { signingKey: undefined },
      )
      expect(restored).not.toContain(first.pkg)
      return false
    },
  )

  attack('job of a branch', 'image', 'a path that nobody has signed, in a run without a signing key', async () => {
    const result = await restore(({ edits }) => edits.add(evilPath), { signingKey: undefined })
    return expectRefused(result, /nobody whom this run trusts has signed \S+-evil/)
  })

  const said: [string, string][] = [
    ['as files', `fixed:r:sha256:${'0'.repeat(52)}`],
    ['as a text', `text:sha256:${'0'.repeat(52)}`],
    ['as one file', `fixed:sha256:${'0'.repeat(52)}`],
    ['as a commit of git', `fixed:git:sha256:${'0'.repeat(52)}`],
  ]
  for (const [what, address] of said)
    attack(
      'job of the default branch',
      'image',
      `a path that is said to be named by its content, ${what}`,
      async () => {
        const result = await restore(({ edits }) => edits.add(evilPath, `CA: ${address}`))
        return expectRefused(result, /nobody whom this run trusts has signed \S+-evil/)
      },
    )

  const urls = [
    ...['../../../../../../../etc/passwd', 'nar/../../../evil.nar.zst', '/etc/passwd', 'file:///etc/passwd'],
    ...['nar/%2e%2e/evil.nar.zst', 'nar//evil.nar.zst', './nar/evil.nar.zst', 'http://127.0.0.1:1/evil.nar.zst'],
  ]
  const writers = ['job of the default branch', 'job of a branch', 'cache server'] as const
  for (const [index, url] of urls.entries())
    attack(writers[index % writers.length] ?? 'cache server', 'runner', `a NAR at ${url}`, async () => {
      const result = await restore(({ edits }) => edits.change(first.pkg, set('URL', url)))
      return expectRefused(result, /names the file/)
    })

  for (const attacker of ['job of the default branch', 'job of a branch'] as const)
    attack(attacker, 'end of the run', 'a NAR that fills the disk', async () => {
      const bytes = 500_000_000
      const result = await restore(async ({ edits }) =>
        writeFile(await edits.nar(first.pkg), zstdCompressSync(Buffer.alloc(bytes))),
      )
      return expectRefused(result, /the NAR of \S+ is not the one that was saved/)
    })

  attack('cache server', 'runner', 'a NAR whose names lead out of the store path', async () => {
    const strings = (...texts: string[]): Buffer[] =>
      texts.flatMap((text) => {
        const size = Buffer.alloc(8)
        size.writeBigUInt64LE(BigInt(text.length))
        return [size, Buffer.from(text), Buffer.alloc((8 - (text.length % 8)) % 8)]
      })
    const file = strings('(', 'type', 'regular', 'contents', 'evil', ')')
    const evil = [
      ...strings('nix-archive-1', '(', 'type', 'directory', 'entry', '(', 'name', '../../evil', 'node'),
      ...[...file, ...strings(')', ')')],
    ]
    const result = await restore(async ({ edits }) =>
      writeFile(await edits.nar(first.pkg), zstdCompressSync(Buffer.concat(evil))),
    )
    return expectRefused(result, /the NAR of \S+ is not the one that was saved/)
  })
})

describe('what runs leave for others', () => {
  const narinfos = async (entry: string): Promise<string> => {
    const names = (await readdir(entry)).filter((name) => name.endsWith('.narinfo'))
    return (await Promise.all(names.map((name) => readFile(join(entry, name), 'utf8')))).join('\n')
  }

  const places: [string, string][] = [
    ['from a server of somebody', 'https://example.org/source.tar.gz'],
    ['from a private repository', 'https://github.com/owner/private/archive/main.tar.gz'],
    ['with a token in the URL', 'https://github.com/NixOS/nixpkgs/archive/main.tar.gz?token=secret'],
    [
      'from a private repository, by a detour',
      'https://github.com/NixOS/nixpkgs/../../owner/private/archive/main.tar.gz',
    ],
  ]
  for (const [what, url] of places)
    attack("fork's pull request", 'credentials', `a source ${what} in the cache`, async () => {
      const fetched = { ...first.fetched, srcType: 'tarball', srcArgs: { url } } as const
      const entry = await first.save(`private-${count++}`, {}, { fetched })
      expect(await narinfos(entry)).not.toContain(first.source)
      expect(await narinfos(entry)).toContain(first.image)
      return false
    })
})
