import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readContext } from '../../src/inputs/context.ts'
import { readInputs } from '../../src/inputs/read-inputs.ts'
import { withJob } from '../../src/lib/job.ts'
import { type Endpoints, publicEndpoints } from '../../src/nix/endpoints.ts'
import type { Outcome } from '../../src/report/outcome.ts'
import { run } from '../../src/run.ts'
import { actionFile, evaluated, inputVariables, root } from './action.ts'
import { silentLog } from './log.ts'
import { nixConfigFolder, pathWithNix } from './nix-places.ts'
import { temporaryFolder } from './temporary-folder.ts'

export type RunHereOptions = {
  readonly endpoints?: Partial<Endpoints>
  readonly environment?: Readonly<Record<string, string>>
  readonly told?: (message: string) => void
}

/**
 * Runs the action in this process, as a step on the default branch, with sources from other servers than those of NixOS
 * and GitHub. Rejects as a run does.
 */
export const runHere = async (
  inputs: Readonly<Record<string, string>>,
  { endpoints = {}, environment = {}, told = () => {} }: RunHereOptions = {},
): Promise<Outcome> => {
  await using folder = await temporaryFolder('run-here')
  const at = (name: string): string => join(folder.path, name)
  const [home, temporary, workspace] = [at('home'), at('temporary'), at('workspace')]
  for (const path of [home, temporary, workspace]) await mkdir(path)
  const context = readContext(
    {
      ...{ PATH: pathWithNix(), HOME: home, NIX_CONF_DIR: nixConfigFolder },
      ...{ RUNNER_OS: 'Linux', RUNNER_ARCH: process.arch.toUpperCase(), RUNNER_TEMP: temporary },
      ...{ GITHUB_WORKSPACE: workspace, GITHUB_EVENT_NAME: 'push', GITHUB_REPOSITORY: 'owner/repository' },
      ...environment,
    },
    join(root, 'dist', 'index.js'),
  )
  const variables = inputVariables(await actionFile(), inputs, evaluated('0'.repeat(40), {}))
  const log = { ...silentLog, info: told, notice: told, warning: told }
  const read = readInputs((name) => variables[`INPUT_${name.toUpperCase()}`] ?? '', context)
  const { githubToken } = read
  const outside = { endpoints: { ...publicEndpoints, ...endpoints }, githubToken, addToJob: () => {} }
  const { signal } = new AbortController()
  const request = { log, secret: () => {}, signal, parent: temporary, environment: context.childEnvironment }
  return await withJob(request, (job) => run(read, context, outside, job))
}
