import type { Credentials } from '../registry/login.ts'
import { type Problem, quoted } from './problem.ts'

/** The inputs `username` and `password`: both or neither. */
export const parseCredentials = (username: string, password: string, problem: Problem): Credentials | undefined => {
  if (username && password) return { username, password }
  if (username)
    problem('`username` is given, but not `password`; give both, or neither to use what docker/login-action left.')
  if (password)
    problem('`password` is given, but not `username`; give both, or neither to use what docker/login-action left.')
  return undefined
}

/** A name or an address, and a port. An IPv6 address stands in brackets. */
const hostForm = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/i

/** The input `token-hosts`: hosts that may get the credentials, each as a URL has it. */
export const parseTokenHosts = (text: string, problem: Problem): readonly string[] => {
  const hosts = new Set<string>()
  for (const item of text.split(/[\s,]+/).filter((item) => item !== '')) {
    const host = hostForm.test(item) ? URL.parse(`https://${item}`)?.host : undefined
    if (host) hosts.add(host)
    else
      problem(
        `\`token-hosts\` has ${quoted(item)}; write each host alone and in full, with a port where it has one, as in \`gitlab.example.org\`.`,
      )
  }
  return [...hosts]
}
