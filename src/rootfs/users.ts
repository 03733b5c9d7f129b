import { readProven } from '../archive/prove.ts'
import type { Owner } from '../archive/tree.ts'
import type { Closure } from '../graph/closure.ts'
import type { BaseLayer } from '../image/base-layer.ts'
import { UserError } from '../lib/error.ts'
import type { Links } from './links.ts'

type Account = Owner & { readonly name: string; readonly home: string; readonly shell: string }

/** The users of every image. `nobody` owns no files; `nonroot` is for running programs without root. */
const accounts: readonly Account[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
  { name: 'nonroot', uid: 65532, gid: 65532, home: '/home/nonroot', shell: '/bin/sh' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', shell: '/bin/false' },
]

/** The users of an image. `user` is added if it is a number that none of them has. */
const accountsWith = (user: BaseLayer['user']): readonly Account[] => {
  if (!user || 'name' in user || accounts.some(({ uid }) => uid === user.uid)) return accounts
  const { uid, gid = uid } = user
  return [...accounts, { name: 'user', uid, gid, home: '/home/user', shell: '/bin/sh' }]
}

/**
 * The content of `/etc/passwd` and `/etc/group`. A group has the name of its first user; the users of every image come
 * first. The group of `nobody` also has the name that Debian gives it.
 */
export const accountFiles = (user: BaseLayer['user']): { readonly passwd: string; readonly group: string } => {
  const all = accountsWith(user)
  const groups = all.filter(({ gid }, index) => all.findIndex((other) => other.gid === gid) === index)
  return {
    passwd: all
      .toSorted((a, b) => a.uid - b.uid)
      .map(({ name, uid, gid, home, shell }) => `${name}:x:${uid}:${gid}:${name}:${home}:${shell}\n`)
      .join(''),
    group: groups
      .toSorted((a, b) => a.gid - b.gid)
      .flatMap(({ name, gid }) =>
        (name === 'nobody' ? [name, 'nogroup'] : [name]).map((group) => `${group}:x:${gid}:\n`),
      )
      .join(''),
  }
}

/** `owner` is the user that the image's programs run as. `homes` are home directories by their names in the image. */
export type Users = { readonly owner: Owner; readonly homes: readonly (readonly [name: string, owner: Owner])[] }

/**
 * The users by the `/etc/passwd` that a package brings, or else by the file that this action writes. Without a `user`,
 * programs run as root. Throws a `UserError` if a `user` given by name is not in the file, if its line has no numbers,
 * or if the file is not what Nix put into the store.
 */
export const findUsers = async (
  { preset, user }: BaseLayer,
  links: Links,
  closure: Pick<Closure, 'paths'>,
): Promise<Users> => {
  const brought = await passwdOf(links, closure)
  const ours = preset === 'bare' ? '' : accountFiles(user).passwd
  const lines = (brought ?? ours).split('\n').map((line) => line.split(':'))
  const homes = lines.flatMap(([, , uid = '', gid = '', , home = '']) =>
    isHome.test(home) && isNumber.test(uid) && isNumber.test(gid)
      ? [[home.slice(1), { uid: Number(uid), gid: Number(gid) }] as const]
      : [],
  )
  return { owner: ownerOf(user, lines), homes }
}

/** A path below `/home` that can be the name of an entry in an archive. */
const isHome = /^(\/home(?:\/(?!\.{1,2}(?:\/|$)|\.wh\.)[^/]+)+)$/
const isNumber = /^\d{1,10}$/

const ownerOf = (user: BaseLayer['user'], lines: readonly (readonly string[])[]): Owner => {
  if (!user) return { uid: 0, gid: 0 }
  const line = lines.find(([name, , uid]) => ('name' in user ? name === user.name : Number(uid) === user.uid))
  const [, , uid, gid] = line ?? []
  if (line && ![uid, gid].every((id) => id !== undefined && isNumber.test(id)))
    throw new UserError(
      `\`user\` is ${'name' in user ? user.name : user.uid}, whose line in the image's /etc/passwd is ${JSON.stringify(line.join(':'))}; mend it in its package, or write numbers as in \`1000:1000\`.`,
    )
  if (!('name' in user)) return { uid: user.uid, gid: user.gid ?? Number(gid ?? 0) }
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  const names = lines.flatMap(([name]) => (name ? [`\`${name}\`, `] : []))
  throw new UserError(
    `\`user\` is ${user.name}, which is not in the image's /etc/passwd; write ${names.join('')}${names.length > 0 ? 'or ' : ''}numbers as in \`1000:1000\`.`,
  )
}

/**
 * The `/etc/passwd` that a package brings; `undefined` if none does. It is empty if the link leads out of the closure,
 * since the image has no such file, even if this machine does.
 */
const passwdOf = async (links: Links, closure: Pick<Closure, 'paths'>): Promise<string | undefined> => {
  const link = links.get('etc/passwd')
  return link && ((await readProven(link, closure))?.toString() ?? '')
}
