import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ActionsCache } from '../../src/cache/actions-cache.ts'
import { openStoreCache, type StoreCacheTools } from '../../src/cache/store-cache.ts'
import { parseSigningKey, type SigningKey } from '../../src/inputs/signing-key.ts'
import { invalidPaths } from '../../src/nix/check-validity.ts'
import { parseNarHash } from '../../src/nix/nar-hash.ts'
import type { Nix } from '../../src/nix/nix.ts'
import { pathInfos } from '../../src/nix/path-info.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import { parseStorePath, type StorePath } from '../../src/nix/store-path.ts'
import { usedPaths } from '../../src/nix/used-paths.ts'
import { startDaemon } from '../support/daemon.ts'
import { silentLog } from '../support/log.ts'
import { evaluate, pin, smallSet, withNix } from '../support/nix.ts'
import { pathWithNix } from '../support/nix-places.ts'
import { output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const key = { parts: {}, prefixes: ['store-image-packages-', 'store-image-', 'store-'] } as const

let folder: TemporaryFolder
/** A store in which a run has built `derivation`: some of what it used is signed upstream, some built, and one path that is named by its content. */
let firstStore: string
let derivation: StorePath
let fetched: FetchedSource
let image: StorePath
let package_: StorePath
let library: StorePath
let source: StorePath
let ours: SigningKey
let upstream: SigningKey

const remote = (name: string): string => `local?root=${join(folder.path, name)}`

const inStore = <T>(store: string, work: (nix: Nix) => Promise<T>): Promise<T> =>
  withNix(work, `substituters =\ntrusted-public-keys = ${upstream.publicKey}`, store)

const lines = (text: string): StorePath[] =>
  text
    .split('\n')
    .filter((line) => line)
    .map((line) => parseStorePath(line, 'a line'))

const newKey = async (name: string): Promise<SigningKey> => {
  const [secret, pub] = [join(folder.path, `${name}.secret`), join(folder.path, `${name}.public`)]
  await output('nix-store', ['--generate-binary-cache-key', name, secret, pub])
  const read = parseSigningKey(await readFile(secret, 'utf8'), (sentence) => expect.fail(sentence))
  if (!read) throw new Error('no key')
  expect(read.publicKey).toBe(await readFile(pub, 'utf8'))
  return read
}

const secretFile = (name: string): string => join(folder.path, `${name}.secret`)

beforeAll(async () => {
  folder = await temporaryFolder('store-cache')
  await newKey('evil-1')
  ;[upstream, ours] = await Promise.all([newKey('upstream-1'), newKey('ours-1')])
  derivation = await evaluate(['tree'])
  const fromPath = await pin({ type: 'path', path: smallSet })
  const outputs = await withNix(async (nix) => lines(await nix('nix-store', ['--query', '--outputs', derivation])))
  image = outputs.find((path) => !path.includes('symlink')) ?? expect.fail('no image')
  firstStore = remote('first')
  const used = await withNix(async (nix) => {
    await nix('nix-store', ['--realise', derivation])
    const used = await usedPaths([derivation], fromPath, nix)
    const copy = (...what: string[]) => nix('nix', ['copy', '--no-check-sigs', '--to', firstStore, ...what])
    await copy(...used)
    await copy('--derivation', derivation)
    return used
  })
  await inStore(firstStore, async (nix) => {
    await mkdir(join(folder.path, 'source'))
    await writeFile(join(folder.path, 'source', 'default.nix'), '{ }')
    source =
      lines(await nix('nix-store', ['--add-fixed', '--recursive', 'sha256', join(folder.path, 'source')]))[0] ??
      expect.fail('no source')
    const narHash = parseNarHash((await nix('nix-store', ['--query', '--hash', source])).trim(), 'the hash')
    fetched = { ...fromPath, srcType: 'tarball', narHash }
    const others = (await pathInfos(used, nix))
      .map(({ path }) => path)
      .filter((path) => path !== source && !outputs.includes(path))
    await nix('nix', ['store', 'sign', '--key-file', secretFile('upstream-1'), ...others])
    package_ = others.find((path) => path.includes('-tree-')) ?? expect.fail(others.join())
    library = others.find((path) => path !== package_) ?? expect.fail(others.join())
  })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** The Actions cache of a machine, with one entry that is a folder. */
const cacheOf = (entry: string): ActionsCache => ({
  restore: async (to) => {
    await cp(entry, to, { recursive: true, verbatimSymlinks: true })
    return 'store-image-packages-0'
  },
  save: async (from) => {
    await cp(from, entry, { recursive: true })
    return true
  },
})

const both = { read: true, save: true }

const open = async <T>(
  cache: ActionsCache,
  work: (store: ReturnType<typeof openStoreCache>, said: string[]) => Promise<T>,
  tools: Partial<StoreCacheTools> = {},
): Promise<T> => {
  await using temporary = await temporaryFolder('run')
  const said: string[] = []
  const log = { ...silentLog, notice: (message: string) => said.push(message) }
  const result = await work(
    openStoreCache(key, {
      cache,
      use: both,
      signingKey: ours,
      log,
      temporary: temporary.path,
      signal: new AbortController().signal,
      ...tools,
    }),
    said,
  )
  // Neither the folder nor the key are left.
  expect(await readdir(temporary.path)).toEqual([])
  return result
}

/** Saves what the first run used, and returns the entry. */
const save = async (name: string, tools: Partial<StoreCacheTools> = {}): Promise<string> => {
  const entry = join(folder.path, name)
  await open(
    cacheOf(entry),
    (store, said) =>
      inStore(firstStore, async (nix) => {
        await store.save([derivation], fetched, nix)
        expect(said).toEqual([])
      }),
    tools,
  )
  return entry
}

let count = 0

/** Restores an entry into an empty store: what is valid then, of all that was used, with the hash of its content; and what was said. */
const restore = async (
  entry: string,
  tools: Partial<StoreCacheTools> = {},
): Promise<{ readonly restored: readonly StorePath[]; readonly said: readonly string[] }> => {
  const store = remote(`empty-${count++}`)
  return open(
    cacheOf(entry),
    (cache, said) =>
      inStore(store, async (nix) => {
        await cache.restore(nix)
        const root = store.slice('local?root='.length)
        const names = await readdir(join(root, 'nix', 'store')).catch(() => [])
        const there = names
          .filter((name) => /^[0-9a-z]{32}-/.test(name) && !name.endsWith('.lock'))
          .map((name) => parseStorePath(`/nix/store/${name}`, name))
        const invalid = await invalidPaths(there, nix)
        const restored = there.filter((path) => !invalid.includes(path)).sort()
        for (const path of restored) expect(await dumped(join(root, path)), path).toBe(honest.get(path))
        return { restored, said }
      }),
    tools,
  )
}

const dumped = async (path: string): Promise<string> => output('nix-hash', ['--type', 'sha256', path])

/** The hash of what each path holds in truth. */
const honest = new Map<StorePath, string>()
let all: StorePath[]

beforeAll(async () => {
  all = await inStore(firstStore, async (nix) =>
    (await pathInfos(await usedPaths([derivation], fetched, nix), nix)).map(({ path }) => path).sort(),
  )
  for (const path of all) honest.set(path, await dumped(join(folder.path, 'first', path)))
})

describe('the store cache', () => {
  test('gives an empty store all that a run used', async () => {
    const { restored, said } = await restore(await save('honest'))
    expect(restored).toEqual(all)
    expect(said).toEqual([])
  })

  test('keeps the signatures of upstream, and adds ours only to what was built here', async () => {
    const entry = await save('signatures')
    const signers = async (path: StorePath): Promise<string[]> =>
      [...(await readFile(narinfo(entry, path), 'utf8')).matchAll(/^Sig: ([^:]+):/gm)].map(([, name = '']) => name)
    expect(await signers(package_)).toEqual(['upstream-1'])
    expect(await signers(image)).toEqual(['ours-1'])
    expect(await signers(source)).toEqual([])
  })

  test('keeps nothing that was built here without a signing key', async () => {
    const { restored, said } = await restore(await save('unsigned', { signingKey: undefined }), {
      signingKey: undefined,
    })
    expect(restored).toContain(package_)
    expect(restored).toContain(source)
    expect(restored).not.toContain(image)
    expect(said).toEqual([])
  })

  test('gives a run that lost the key what others have signed', async () => {
    const { restored, said } = await restore(await save('lost-key'), { signingKey: undefined })
    expect(restored).toContain(package_)
    expect(restored).not.toContain(image)
    expect(said).toEqual([expect.stringMatching(/^Nix refused \d+ of \d+ store paths in store-image-packages-0 /)])
  })

  test('does not save what is there already', async () => {
    const entry = await save('again')
    const saved: string[] = []
    const cache: ActionsCache = { ...cacheOf(entry), save: async (_, key) => saved.push(key) > 0 }
    await open(cache, (store) =>
      inStore(remote(`empty-${count++}`), async (nix) => {
        await store.restore(nix)
        // This store has the paths, and what they were built from is to be asked for.
        await nix('nix', ['copy', '--derivation', '--no-check-sigs', '--from', firstStore, derivation])
        await store.save([derivation], fetched, nix)
        expect(saved).toEqual([])
      }),
    )
  })

  test('neither reads nor saves where it may not', async () => {
    const asked: string[] = []
    const cache: ActionsCache = {
      restore: async (_, key) => void asked.push(key),
      save: async (_, key) => asked.push(key) > 0,
    }
    for (const use of [
      { read: false, save: false },
      { read: true, save: false },
      { read: false, save: true },
    ])
      await open(
        cache,
        (store) =>
          inStore(firstStore, async (nix) => {
            asked.length = 0
            await store.restore(nix)
            await store.save([derivation], fetched, nix)
            expect(asked).toHaveLength(Number(use.read) + Number(use.save))
          }),
        { use },
      )
  })

  test('gives up after its deadline, with a notice', async () => {
    const cache = cacheOf(await save('slow'))
    await open(
      cache,
      (store, said) =>
        inStore(remote(`empty-${count++}`), async (nix) => {
          await store.restore(nix)
          expect(said[0]).toBe('No store paths were restored: it took longer than 0.01 s. The run goes on without it.')
        }),
      { deadline: 10 },
    )
  })
})

const narinfo = (entry: string, path: StorePath): string =>
  join(entry, `${path.slice('/nix/store/'.length).slice(0, 32)}.narinfo`)

const field = (text: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''

describe('nothing is restored that somebody else has made:', () => {
  let entry: string
  let honestEntry: string

  beforeAll(async () => {
    honestEntry = await save('to-attack')
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
      secretFile(name),
      path,
    ])
  const evilPath = parseStorePath('/nix/store/11111111111111111111111111111111-evil', 'the path')
  const add = (path: StorePath, ...more: string[]): Promise<void> =>
    readFile(narinfo(entry, library), 'utf8').then((text) =>
      writeFile(
        narinfo(entry, path),
        `${without('Sig')(set('References', '')(set('StorePath', path)(text)))}${more.map((line) => `${line}\n`).join('')}`,
      ),
    )

  /** What is done to the entry, and whether what it is done to may still be restored, since that is as it should be. */
  const attacks: Record<string, () => Promise<unknown>> = {
    'a NAR with a byte changed': async () => {
      const file = await nar(package_)
      const bytes = await readFile(file)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      await writeFile(file, bytes)
    },
    'a NAR with other content': () => replaced(package_),
    'a NAR with other content and its file hash': async () => {
      const honestFields = await replaced(package_)
      await change(package_, (text) => {
        const all = honestFields(text)
        return set('FileSize', field(all, 'FileSize'))(set('FileHash', field(all, 'FileHash'))(text))
      })
    },
    'a NAR with other content, and the hashes of that': () => replace(package_),
    'the same, without a signature': () => replace(package_, without('Sig')),
    'the same, with an empty signature': () => replace(package_, set('Sig', 'upstream-1:')),
    'the same, with a signature of zeros': () =>
      replace(package_, set('Sig', `upstream-1:${Buffer.alloc(64).toString('base64')}`)),
    'the same, signed with a key that nobody trusts': async () => {
      await replace(package_, without('Sig'))
      await sign(package_, 'evil-1')
    },
    'the same, signed with another key of the name of one that is trusted': async () => {
      await replace(package_, without('Sig'))
      await sign(package_, 'evil-1')
      await change(package_, (text) => text.replace('Sig: evil-1:', 'Sig: upstream-1:'))
    },
    'the same, signed with another key of the name of ours': async () => {
      await replace(image, without('Sig'))
      await sign(image, 'evil-1')
      await change(image, (text) => text.replace('Sig: evil-1:', 'Sig: ours-1:'))
    },
    'the same, said to be named by its content, as files': () =>
      replace(package_, (text) => `${without('Sig')(text)}CA: fixed:r:${field(text, 'NarHash')}\n`),
    'the same, said to be named by its content, as a text': () =>
      replace(package_, (text) => `${without('Sig')(text)}CA: text:${field(text, 'NarHash')}\n`),
    'a source with other content, said to be named by it': () =>
      replace(source, (text) => set('CA', `fixed:r:${field(text, 'NarHash')}`)(text)),
    'a source with other content under its own name': () => replace(source),
    'a source with other content, signed with a key that nobody trusts': async () => {
      await replace(source, without('CA'))
      await sign(source, 'evil-1')
    },
    'a reference less': () => change(image, (text) => text.replace(/^(References: .*) \S+$/m, '$1')),
    'a reference more': async () => {
      await add(evilPath)
      await change(package_, (text) => text.replace(/^References: .*$/m, `$& ${evilPath.slice('/nix/store/'.length)}`))
    },
    'a path that nobody has signed': () => add(evilPath),
    'a path that is signed with a key that nobody trusts': async () => {
      await add(evilPath)
      await sign(evilPath, 'evil-1')
    },
    'a path with the signature of another': async () =>
      add(evilPath, `Sig: ${field(await readFile(narinfo(entry, library), 'utf8'), 'Sig')}`),
    'two paths with their files swapped': async () => {
      const [a, b] = [await nar(package_), await nar(library)]
      await rename(a, `${a}.x`)
      await rename(b, a)
      await rename(`${a}.x`, b)
    },
    'two paths with the URLs swapped': async () => {
      const url = field(await readFile(narinfo(entry, library), 'utf8'), 'URL')
      await change(package_, set('URL', url))
    },
    'two narinfo files swapped': async () => {
      const [a, b] = [narinfo(entry, package_), narinfo(entry, library)]
      await rename(a, `${a}.x`)
      await rename(b, a)
      await rename(`${a}.x`, b)
    },
    'a file that belongs to another folder': () => change(package_, set('URL', '../../../../../../../etc/passwd')),
    'a link in place of a NAR': async () => {
      const file = await nar(package_)
      await rm(file)
      await symlink('/etc/passwd', file)
    },
    'a NAR that is not there': async () => rm(await nar(package_)),
    'a NAR that is cut off': async () => {
      const file = await nar(package_)
      await writeFile(file, (await readFile(file)).subarray(0, 100))
    },
    'another compression': () => change(package_, set('Compression', 'none')),
    'another size': () => change(package_, set('NarSize', '1')),
    'a narinfo that is empty': () => writeFile(narinfo(entry, package_), ''),
    'a narinfo that is none': () => writeFile(narinfo(entry, package_), Buffer.alloc(1000, 0xff)),
    'a narinfo that is cut off': async () => change(package_, (text) => text.slice(0, text.length >> 1)),
    'a binary cache of another store': () => writeFile(join(entry, 'nix-cache-info'), 'StoreDir: /evil/store\n'),
    'a binary cache that does not say of which store': () => rm(join(entry, 'nix-cache-info')),
  }

  test.each(Object.entries(attacks))('%s', async (name, attack) => {
    entry = join(folder.path, `attack-${count++}`)
    await cp(honestEntry, entry, { recursive: true })
    await attack()
    // What is restored is looked at there: it has the content that it should have.
    const { restored, said } = await restore(entry)
    expect(all).toEqual(expect.arrayContaining([...restored]))
    expect(restored).not.toContain(evilPath)
    if (said.length === 0) expect(restored, name).toEqual(all)
    expect(said.length).toBeLessThan(2)
  })

  test.each([
    ['the same, without a signature', () => package_],
    ['a path that nobody has signed', () => evilPath],
  ])('whoever does not ask for signatures gets %s', async (name, path) => {
    entry = join(folder.path, `attack-${count++}`)
    await cp(honestEntry, entry, { recursive: true })
    await attacks[name]?.()
    await inStore(remote(`empty-${count++}`), async (nix) => {
      const settings = { substituters: `file://${entry}`, 'require-sigs': 'false' }
      const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
      expect(lines(await nix('nix-store', ['--realise', ...options, path()]))).toEqual([path()])
    })
  })

  test('are enough of them', () => expect(Object.keys(attacks).length).toBeGreaterThanOrEqual(20))
})

test('a daemon that does not trust this user is told of, and nothing is saved', async () => {
  const configuration = join(folder.path, 'daemon')
  const socket = join(configuration, 'socket')
  await mkdir(configuration)
  await writeFile(
    join(configuration, 'nix.conf'),
    'build-users-group =\nsandbox = false\ntrusted-users = somebody-else\n',
  )
  const daemon = await startDaemon('nix-daemon', [], {
    logs: join(configuration, 'logs'),
    env: { PATH: pathWithNix(), NIX_CONF_DIR: configuration, NIX_DAEMON_SOCKET_PATH: socket },
    ready: async () => existsSync(socket),
  })
  try {
    const entry = await save('for-the-daemon')
    // The machine's store has all of the rest.
    const text = await readFile(narinfo(entry, library), 'utf8')
    const missing = parseStorePath(`/nix/store/${'2'.repeat(32)}-missing`, 'the path')
    await writeFile(narinfo(entry, missing), text.replace(library, missing))
    const saved: string[] = []
    const cache: ActionsCache = { ...cacheOf(entry), save: async (_, key) => saved.push(key) > 0 }
    await open(cache, (store, said) =>
      inStore(`unix://${socket}`, async (nix) => {
        await store.restore(nix)
        await store.save([derivation], fetched, nix)
        expect(said).toEqual([
          'The Nix daemon does not trust this user, so that no store paths are kept in the Actions cache; name the user in `trusted-users` of its nix.conf.',
        ])
        expect(saved).toEqual([])
      }),
    )
  } finally {
    await daemon.stop()
  }
})
