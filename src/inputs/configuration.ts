import type { RequestedConfiguration } from '../image/configuration.ts'
import { parseAnnotations, parseLabels } from './annotations.ts'
import { parseVolumes, parseWorkdir } from './directories.ts'
import { parseHealthcheck } from './healthcheck.ts'
import { parsePorts } from './ports.ts'
import type { GetInput, Problem } from './problem.ts'
import { parseStopSignal } from './stop-signal.ts'
import { parseUser } from './user.ts'
import { parseVariables } from './variables.ts'
import { parseWords } from './words.ts'

export const parseConfiguration = (get: GetInput, problem: Problem): RequestedConfiguration => {
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
    stopSignal: parseStopSignal(get('stop-signal'), problem),
    healthcheck: parseHealthcheck(get('healthcheck'), problem),
    labels: parseLabels(get('labels'), problem),
    annotations: parseAnnotations(get('annotations'), problem),
  }
}

/** The kernel starts the first word as a program. Without a shell, nothing reads `NAME=value` as a variable. */
const checkProgram = (name: string, text: string, words: RequestedConfiguration['cmd'], problem: Problem): void => {
  const variable = /^[A-Za-z_]\w*=/.exec(text)?.[0]
  if (words && variable)
    problem(
      `\`${name}\` starts with \`${variable}\`, which only a shell would understand; write the variable in \`env\`.`,
    )
  if (words?.[0] === '') problem(`\`${name}\` starts with an empty word; write the program there, as in \`bash\`.`)
}
