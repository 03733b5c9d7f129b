import { existsSync } from 'node:fs'
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ActionsCache } from '../../src/cache/actions-cache.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { startDaemon } from '../support/daemon.ts'
import { cacheOf, type FirstRun, firstRun, narinfo } from '../support/first-run.ts'
import { pathWithNix } from '../support/nix-places.ts'

let first: FirstRun

beforeAll(async () => {
  first = await firstRun()
})
afterAll(() => first[Symbol.asyncDispose]())

describe('the store cache', () => {
  test('gives an empty store all that a run used', async () => {
    const { restored, said } = await first.restore(await first.save('honest'))
    expect(restored).toEqual(first.all)
    expect(said).toEqual([])
  })

  test('keeps the signatures of upstream, and adds ours only to what was built here', async () => {
    const entry = await first.save('signatures')
    const signers = async (path: StorePath): Promise<string[]> =>
      [...(await readFile(narinfo(entry, path), 'utf8')).matchAll(/^Sig: ([^:]+):/gm)].map(([, name = '']) => name)
    expect(await signers(first.pkg)).toEqual(['upstream-1'])
    expect(await signers(first.image)).toEqual(['ours-1'])
    expect(await signers(first.source)).toEqual([])
  })

  test('keeps nothing that was built here without a signing key', async () => {
    const { restored, said } = await first.restore(await first.save('unsigned', { signingKey: undefined }), {
      signingKey: undefined,
    })
    expect(restored).toContain(first.pkg)
    expect(restored).toContain(first.source)
    expect(restored).not.toContain(first.image)
    expect(said).toEqual([])
  })

  test('does not take the signature of a key in secret-key-files for a proof, since only this machine trusts it', async () => {
    const store = first.emptyStore()
    await first.inStore(first.store, (nix) => nix('nix', ['copy', '--no-check-sigs', '--to', store, ...first.all]))
    await first.inStore(store, async (nix) => {
      await first.copyDerivation(nix)
      await nix('nix', ['store', 'sign', '--key-file', first.secretFile('evil-1'), first.image])
    })
    const entry = await first.save('secret-key-files', { signingKey: undefined }, { store })
    expect(existsSync(narinfo(entry, first.pkg))).toBe(true)
    expect(existsSync(narinfo(entry, first.image))).toBe(false)
    const withKey = await first.restore(await first.save('secret-key-files-and-ours', {}, { store }))
    expect(withKey).toEqual({ restored: first.all, said: [] })
  })

  test('gives a run that lost the key what others have signed', async () => {
    const { restored, said } = await first.restore(await first.save('lost-key'), { signingKey: undefined })
    expect(restored).toContain(first.pkg)
    expect(restored).not.toContain(first.image)
    expect(said).toEqual([])
  })

  test('does not save what is there already', async () => {
    const entry = await first.save('again')
    const saved: string[] = []
    const cache: ActionsCache = { ...cacheOf(entry), save: async (_, key) => void saved.push(key) }
    await first.open(cache, (store) =>
      first.inStore(first.emptyStore(), async (nix) => {
        await first.copyDerivation(nix)
        await store.restoreSource(first.fetched, nix)
        await store.restoreOutputs(first.derivation, nix)
        await store.save()
        expect(saved).toEqual([])
      }),
    )
  })

  test('neither reads nor saves where it may not', async () => {
    const asked: string[] = []
    const cache: ActionsCache = {
      restore: async (_, key) => void asked.push(key),
      reject: () => {},
      save: async (_, key) => void asked.push(key),
    }
    for (const use of [
      { read: false, save: false },
      { read: true, save: false },
      { read: false, save: true },
    ])
      await first.open(
        cache,
        (store) =>
          first.inStore(first.store, async (nix) => {
            asked.length = 0
            await store.restoreSource({ ...first.fetched, srcType: 'path' }, nix)
            await store.restoreOutputs(first.derivation, nix)
            await store.save()
            expect(asked).toHaveLength(Number(use.read) + Number(use.save))
          }),
        { use },
      )
  })

  test('does not read narinfo files that are larger than any that it saves', async () => {
    const entry = await first.save('large')
    await truncate(narinfo(entry, first.library), 65_000_000)
    const rejected: string[] = []
    await first.open({ ...cacheOf(entry), reject: (_, key) => rejected.push(key) }, (store, said) =>
      first.inStore(first.emptyStore(), async (nix) => {
        await store.restoreOutputs(first.derivation, nix)
        expect(said).toEqual([
          'No store paths were restored: the entry store-image-packages-0 of the Actions cache is not one to trust: its narinfo files have more than 64000000 bytes. The run goes on without it.',
        ])
        expect(rejected).toEqual(['store-image-packages-0'])
      }),
    )
  })

  test('gives up after its deadline, with a notice', async () => {
    const cache = cacheOf(await first.save('slow'))
    await first.open(
      cache,
      (store, said) =>
        first.inStore(first.emptyStore(), async (nix) => {
          await store.restoreSource({ ...first.fetched, srcType: 'path' }, nix)
          await store.restoreOutputs(first.derivation, nix)
          // There is no time to save either, so the paths to save are not looked at.
          await store.save()
          expect(said).toEqual([
            'No store paths were restored: the 0.001 s that a run has for it are over. The run goes on without it.',
          ])
        }),
      { limit: 1 },
    )
  })
})

test('a daemon that does not trust this user is told of, and nothing is saved', async () => {
  const configuration = join(first.folder, 'daemon')
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
    const entry = await first.save('for-the-daemon')
    const saved: string[] = []
    const cache: ActionsCache = { ...cacheOf(entry), save: async (_, key) => void saved.push(key) }
    await first.open(cache, (store, said) =>
      first.inStore(`unix://${socket}`, async (nix) => {
        await store.restoreSource({ ...first.fetched, srcType: 'path' }, nix)
        await store.restoreOutputs(first.derivation, nix)
        await store.save()
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
