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

export const parseConfiguration = (get: GetInput, problem: Problem): Configuration => {
  const entrypoint = parseWords('entrypoint', get('entrypoint'), problem)
  const cmd = parseWords('cmd', get('cmd'), problem)
  const program = entrypoint?.length ? 'entrypoint' : 'cmd'
  checkProgram(program, get(program), entrypoint?.length ? entrypoint : cmd, problem)
  return {
    entrypoint,
    cmd,
    env: parseVariables(get('env'), problem),
    user: parseUser(get('user'), problem),
    workdir: parseWorkdir(get('workdir'), problem),
    expose: parsePorts(get('expose'), problem),
    volumes: parseVolumes(get('volumes'), problem),
    labels: parseLabels(get('labels'), problem),
    annotations: parseAnnotations(get('annotations'), problem),
  }
}

/** The first word is what the kernel starts, and no shell takes it for a variable. */
const checkProgram = (name: string, text: string, words: Configuration['cmd'], problem: Problem): void => {
  const variable = /^[A-Za-z_]\w*=/.exec(text)?.[0]
  if (words && variable)
    problem(
      `\`${name}\` starts with \`${variable}\`, which only a shell would understand; write the variable in \`env\`.`,
    )
  if (words?.[0] === '') problem(`\`${name}\` starts with an empty word; write the program there, as in \`bash\`.`)
}
