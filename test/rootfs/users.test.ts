import { expect, test } from 'vitest'
import type { BaseLayer } from '../../src/image/base-layer.ts'
import { UserError } from '../../src/lib/error.ts'
import { readLinks } from '../../src/rootfs/links.ts'
import { findUsers } from '../../src/rootfs/users.ts'
import { build } from '../support/nix.ts'

type User = BaseLayer['user']

/** The IDs of a user, in an image of the package `brings`, or in one without an `/etc/passwd`. */
const ownerOf = async (
  user: User,
  { preset = 'default', brings }: { preset?: BaseLayer['preset']; brings?: string } = {},
) => {
  const { symlinkLayer, closure } = await build([brings ?? 'tree'])
  const links = brings ? await readLinks(symlinkLayer) : new Map()
  return (await findUsers({ preset, user, workdir: undefined, volumes: [] }, links, closure)).owner
}

test.each<[User, { uid: number; gid: number }]>([
  [undefined, { uid: 0, gid: 0 }],
  [{ name: 'root' }, { uid: 0, gid: 0 }],
  [{ name: 'nobody' }, { uid: 65534, gid: 65534 }],
  [{ name: 'nonroot' }, { uid: 65532, gid: 65532 }],
  [
    { uid: 65532, gid: undefined },
    { uid: 65532, gid: 65532 },
  ],
  [
    { uid: 1000, gid: undefined },
    { uid: 1000, gid: 1000 },
  ],
  [
    { uid: 1000, gid: 0 },
    { uid: 1000, gid: 0 },
  ],
])('%j is %j', async (user, owner) => {
  expect(await ownerOf(user)).toEqual(owner)
})

test('the users of a package’s /etc/passwd are all that there are', async () => {
  const brings = 'users'
  expect(await ownerOf({ name: 'app' }, { brings })).toEqual({ uid: 50, gid: 60 })
  expect(await ownerOf({ uid: 50, gid: undefined }, { brings })).toEqual({ uid: 50, gid: 60 })
  expect(await ownerOf({ uid: 51, gid: undefined }, { brings })).toEqual({ uid: 51, gid: 0 })
  expect(await ownerOf({ name: 'app' }, { brings, preset: 'bare' })).toEqual({ uid: 50, gid: 60 })
})

test('home directories are those of a package’s /etc/passwd', async () => {
  const { symlinkLayer, closure } = await build(['homes'])
  const links = await readLinks(symlinkLayer)
  const base = { preset: 'default', user: { name: 'app' }, workdir: undefined, volumes: [] } as const
  expect(await findUsers(base, links, closure)).toEqual({
    owner: { uid: 50, gid: 60 },
    homes: [['home/app', { uid: 50, gid: 60 }]],
  })
  expect((await findUsers({ ...base, user: undefined }, new Map(), closure)).homes).toEqual([
    ['home/nonroot', { uid: 65532, gid: 65532 }],
  ])
})

test('a user without numbers is not taken for root', async () => {
  await expect(ownerOf({ name: 'odd' }, { brings: 'homes' })).rejects.toThrow(
    new UserError(
      '`user` is odd, whose line in the image\'s /etc/passwd is "odd:x:fifty:60::/home/odd:/bin/sh"; mend it in its package, or write numbers as in `1000:1000`.',
    ),
  )
})

test.each<[string, Parameters<typeof ownerOf>[1], string]>([
  ['app', {}, '`root`, `nonroot`, `nobody`, or '],
  ['nobody', { brings: 'users' }, '`root`, `app`, or '],
  // The image does not have this machine's users.
  ['nobody', { brings: 'hostUsers' }, ''],
  ['nobody', { preset: 'bare' }, ''],
])('%s is no user with %j', async (name, options, instead) => {
  await expect(ownerOf({ name }, options)).rejects.toThrow(
    new UserError(
      `\`user\` is ${name}, which is not in the image's /etc/passwd; write ${instead}numbers as in \`1000:1000\`.`,
    ),
  )
})
