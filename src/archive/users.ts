import { readFile, realpath } from 'node:fs/promises'
import { UserError } from '../error.ts'
import type { Plan } from '../plan.ts'
import type { Links } from './links.ts'

/** Whose a directory is. */
export type Owner = { readonly uid: number; readonly gid: number }

type Account = Owner & { readonly name: string; readonly home: string; readonly shell: string }

/** The users of every image: nobody owns nothing, and nonroot is for whoever wants to run a program as not root. */
const accounts: readonly Account[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
  { name: 'nonroot', uid: 65532, gid: 65532, home: '/home/nonroot', shell: '/bin/sh' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', shell: '/bin/false' },
]

/** The users of an image, with `user` as one of them where it is a number that no other one has. */
const accountsWith = (user: Plan['base']['user']): readonly Account[] => {
  if (!user || 'name' in user || accounts.some(({ uid }) => uid === user.uid)) return accounts
  const { uid, gid = uid } = user
  return [...accounts, { name: 'user', uid, gid, home: '/home/user', shell: '/bin/sh' }].sort((a, b) => a.uid - b.uid)
}

/** `/etc/passwd` and `/etc/group`, and the home directories of users that are not root, by their names in the image. */
export const accountFiles = (
  user: Plan['base']['user'],
): { readonly passwd: string; readonly group: string; readonly homes: readonly (readonly [string, Owner])[] } => {
  const all = accountsWith(user)
  const groups = all.filter(({ gid }, index) => all.findIndex((other) => other.gid === gid) === index)
  return {
    passwd: all.map(({ name, uid, gid, home, shell }) => `${name}:x:${uid}:${gid}:${name}:${home}:${shell}\n`).join(''),
    group: groups.map(({ name, gid }) => `${name}:x:${gid}:\n`).join(''),
    homes: all
      .filter(({ home }) => home.startsWith('/home/'))
      .map(({ home, uid, gid }) => [home.slice(1), { uid, gid }]),
  }
}

/**
 * Who owns what is the user's in the image: root where there is none. A name is looked up in the `/etc/passwd` that a
 * package brings, else among the users of every image. Throws a `UserError` if it is not there.
 */
export const findOwner = async ({ preset, user }: Plan['base'], links: Links): Promise<Owner> => {
  if (!user) return { uid: 0, gid: 0 }
  const brought = await passwdOf(links)
  const ours = preset === 'bare' ? '' : accountFiles(user).passwd
  const lines = (brought ?? ours).split('\n').map((line) => line.split(':'))
  const line = lines.find(([name, , uid]) => ('name' in user ? name === user.name : Number(uid) === user.uid))
  const [, , uid, gid] = line ?? []
  if (!('name' in user)) return { uid: user.uid, gid: user.gid ?? Number(gid ?? 0) }
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  const names = lines.flatMap(([name]) => (name ? [`\`${name}\`, `] : []))
  throw new UserError(
    `\`user\` is ${user.name}, which is not in the image's /etc/passwd; write ${names.join('')}${names.length > 0 ? 'or ' : ''}numbers as in \`1000:1000\`.`,
  )
}

/** What a package brings; a link out of the store leads to nothing in the image, whatever this machine has there. */
const passwdOf = async (links: Links): Promise<string | undefined> => {
  const link = links.get('etc/passwd')
  if (!link) return undefined
  const file = await realpath(link).catch(() => '')
  return file.startsWith('/nix/store/') ? readFile(file, 'utf8') : ''
}
