import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findOwner } from '../../src/archive/users.ts'
import { UserError } from '../../src/error.ts'
import type { Plan } from '../../src/plan.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type User = Plan['base']['user']

/** Who a user is, in an image whose packages bring `passwd` or not. */
const ownerOf = async (
  user: User,
  { preset = 'default', passwd }: { preset?: Plan['base']['preset']; passwd?: string } = {},
) => {
  await using folder = await temporaryFolder('users')
  const file = join(folder.path, 'passwd')
  if (passwd !== undefined) await writeFile(file, passwd)
  return await findOwner(
    { preset, user, workdir: undefined },
    new Map(passwd === undefined ? [] : [['etc/passwd', file]]),
  )
}

const brought = 'root:x:0:0::/root:/bin/sh\napp:x:50:60::/app:/bin/sh\n'

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
  const passwd = brought
  expect(await ownerOf({ name: 'app' }, { passwd })).toEqual({ uid: 50, gid: 60 })
  expect(await ownerOf({ uid: 50, gid: undefined }, { passwd })).toEqual({ uid: 50, gid: 60 })
  expect(await ownerOf({ uid: 51, gid: undefined }, { passwd })).toEqual({ uid: 51, gid: 0 })
  expect(await ownerOf({ name: 'app' }, { passwd, preset: 'bare' })).toEqual({ uid: 50, gid: 60 })
})

test.each<[string, Parameters<typeof ownerOf>[1], string]>([
  ['app', {}, '`root`, `nonroot`, `nobody`, or '],
  ['nobody', { passwd: brought }, '`root`, `app`, or '],
  ['nobody', { preset: 'bare' }, ''],
])('%s is no user with %j', async (name, options, instead) => {
  await expect(ownerOf({ name }, options)).rejects.toThrow(
    new UserError(
      `\`user\` is ${name}, which is not in the image's /etc/passwd; write ${instead}numbers as in \`1000:1000\`.`,
    ),
  )
})
