import type { User } from '../image/configuration.ts'
import type { Problem } from './problem.ts'

/** The highest id that container engines accept. */
const most = 2 ** 31 - 1

/** The input `user`: a name, or `uid` or `uid:gid` in digits. `undefined` if it is not given. */
export const parseUser = (text: string, problem: Problem): User | undefined => {
  if (text === '') return undefined
  if (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text)) return { name: text }
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? []
  if (uid !== undefined && [uid, gid ?? 0].every((id) => Number(id) <= most))
    return { uid: Number(uid), gid: gid === undefined ? undefined : Number(gid) }
  problem(
    `\`user\` is ${JSON.stringify(text)}; write a name without a group, or a user's and a group's number as in \`1000:1000\`.`,
  )
  return undefined
}
