import type { Credentials } from '../registry/login.ts'
import type { Problem } from './problem.ts'

/** The inputs `username` and `password`: both or neither. */
export const parseCredentials = (username: string, password: string, problem: Problem): Credentials | undefined => {
  if (username && password) return { username, password }
  if (username)
    problem('`username` is given, but not `password`; give both, or neither to use what docker/login-action left.')
  if (password)
    problem('`password` is given, but not `username`; give both, or neither to use what docker/login-action left.')
  return undefined
}
