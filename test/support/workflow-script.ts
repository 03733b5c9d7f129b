import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from './action.ts'
import { type Finished, run } from './process.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** The script of a step in this job of a workflow (without `.yml`). The step's `id` or `name` starts with `start`. */
export const scriptOf = async (workflow: string, job: string, start: string): Promise<string> => {
  const { jobs } = parse(await readFile(join(root, '.github', 'workflows', `${workflow}.yml`), 'utf8'))
  const steps: { id?: string; name?: string; run?: string }[] = jobs[job].steps
  return steps.find(({ id, name }) => (id ?? name ?? '').startsWith(start))?.run ?? ''
}

export type ScriptPlace = {
  readonly folder: TemporaryFolder
  readonly cwd: string
  /** More variables of the environment. */
  readonly variables: Readonly<Record<string, string>>
  /** Lines of shell that a program in place of `gh` runs at its end. */
  readonly gh?: string
}

/**
 * Runs a script as the runner does with `shell: bash`, with a `gh` that adds its arguments to `gh.txt`, one a line.
 */
export const runScript = async (
  script: string,
  { folder, cwd, variables, gh = '' }: ScriptPlace,
): Promise<Finished> => {
  const bin = join(folder.path, 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, 'gh'), `#!/bin/sh\nprintf '%s\\n' "$@" >>'${join(folder.path, 'gh.txt')}'\n${gh}\n`)
  await chmod(join(bin, 'gh'), 0o755)
  const env = { ...gitEnvironment(folder), ...variables, PATH: `${bin}:${process.env['PATH']}` }
  return run('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, env })
}

/** An environment in which git knows nothing of this machine's user. */
export const gitEnvironment = ({ path }: TemporaryFolder): NodeJS.ProcessEnv => ({
  ...process.env,
  HOME: path,
  GIT_CONFIG_GLOBAL: '/dev/null',
})
