import { type Annotations, parseAnnotations, parseLabels } from './annotations.ts'
import { parseVolumes, parseWorkdir } from './directories.ts'
import { parsePorts } from './ports.ts'
import type { GetInput, Problem } from './problem.ts'
import { parseUser, type User } from './user.ts'
import { parseVariables } from './variables.ts'
import { parseWords } from './words.ts'

/** How containers of the image are started, as the inputs say it, and what is told about the image. */
export type Configuration = {
  readonly entrypoint: readonly string[] | undefined
  readonly cmd: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
  readonly user: User | undefined
  readonly workdir: string | undefined
  /** `port/protocol`. */
  readonly expose: readonly string[]
  readonly volumes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Annotations
}

export const parseConfiguration = (get: GetInput, problem: Problem): Configuration => ({
  entrypoint: parseWords('entrypoint', get('entrypoint'), problem),
  cmd: parseWords('cmd', get('cmd'), problem),
  env: parseVariables(get('env'), problem),
  user: parseUser(get('user'), problem),
  workdir: parseWorkdir(get('workdir'), problem),
  expose: parsePorts(get('expose'), problem),
  volumes: parseVolumes(get('volumes'), problem),
  labels: parseLabels(get('labels'), problem),
  annotations: parseAnnotations(get('annotations'), problem),
})
