import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { nixConfigFolder, pathWithNix } from './nix-places.ts'

/** The action's root. */
export const root = join(import.meta.dirname, '..', '..')

/**
 * The results of a step for the runner. `log` has standard output and standard error in the order in which they came.
 */
export type StepResult = {
  readonly exitCode: number | null
  readonly log: string
  /** The messages of `::error::` commands. */
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  /** The text of the bill of materials, empty without one. */
  readonly sbom: string
  /** The text of the file with the whole metadata, empty if the step failed. */
  readonly metadataFile: string
  /** The artifacts that the step declares, one per line. */
  readonly artifacts: string
  /** Additions for later steps: folders for their PATH, one per line, and environment variables. */
  readonly path: string
  readonly variables: Readonly<Record<string, string>>
}

/** How a step is run. The defaults are those of a push to the default branch. */
export type StepOptions = {
  readonly environment?: Readonly<Record<string, string>>
  readonly event?: unknown
  readonly workspace?: string
  readonly started?: (child: ChildProcess) => void
  /** A program and its first arguments. It starts the step, which its last arguments name. */
  readonly wrapper?: readonly string[]
}

const commit = '0123456789abcdef0123456789abcdef01234567'
export const githubToken = 'ghs_a-token-for-tests'

type PullRequestEvent = { readonly pull_request?: { readonly head?: { readonly sha?: string } } }

/** The expressions in `action.yml` and their values for a step. The runner evaluates them before it starts the step. */
export const evaluated = (sha: string, event: unknown): Readonly<Record<string, string>> => ({
  '${{ github.token }}': githubToken,
  '${{ github.event.pull_request.head.sha || github.sha }}': (event as PullRequestEvent).pull_request?.head?.sha ?? sha,
})

type ActionFile = { inputs: Record<string, { default?: string; required?: boolean }>; runs: { main: string } }

export const actionFile = async (): Promise<ActionFile> => parse(await readFile(join(root, 'action.yml'), 'utf8'))

/**
 * Runs the bundled action as the runner does: inputs as `INPUT_*` with the defaults of `action.yml`, outputs in files.
 */
export const runAction = async (
  inputs: Readonly<Record<string, string>>,
  { environment = {}, event = {}, workspace, started, wrapper = [] }: StepOptions = {},
): Promise<StepResult> => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const file = (name: string): string => join(folder, name)
  try {
    // A step may run as another user, who needs all of this.
    await chmod(folder, 0o777)
    for (const name of ['artifacts', 'env', 'output', 'path', 'summary']) {
      await writeFile(file(name), '')
      await chmod(file(name), 0o666)
    }
    await writeFile(file('event.json'), JSON.stringify(event))
    const action = await actionFile()
    const { exitCode, log } = await run(
      [...wrapper, process.execPath, join(root, action.runs.main)],
      {
        PATH: pathWithNix(),
        HOME: folder,
        NIX_CONF_DIR: nixConfigFolder,
        ...inputVariables(action, inputs, evaluated(environment['GITHUB_SHA'] ?? commit, event)),
        GITHUB_ACTIONS: 'true',
        GITHUB_ACTOR: 'somebody',
        GITHUB_ARTIFACTS: file('artifacts'),
        GITHUB_ENV: file('env'),
        GITHUB_EVENT_NAME: 'push',
        GITHUB_EVENT_PATH: file('event.json'),
        GITHUB_OUTPUT: file('output'),
        GITHUB_PATH: file('path'),
        GITHUB_REPOSITORY: 'Owner/Repository',
        GITHUB_SHA: commit,
        GITHUB_STEP_SUMMARY: file('summary'),
        GITHUB_WORKSPACE: workspace ?? folder,
        RUNNER_ARCH: process.arch.toUpperCase(),
        RUNNER_OS: 'Linux',
        RUNNER_TEMP: folder,
        ...environment,
      },
      started,
    )
    const messages = (command: string): string[] =>
      [...log.matchAll(new RegExp(`^::${command}[^:]*::(.*)$`, 'gm'))].map(([, text = '']) => unescapeCommand(text))
    const outputs = parseOutputs(await readFile(file('output'), 'utf8'))
    return {
      exitCode,
      log,
      errors: messages('error'),
      warnings: messages('warning'),
      outputs,
      summary: await readFile(file('summary'), 'utf8'),
      metadataFile: outputs['metadata-file'] ? await readFile(outputs['metadata-file'], 'utf8') : '',
      sbom: outputs['sbom'] ? await readFile(outputs['sbom'], 'utf8') : '',
      artifacts: await readFile(file('artifacts'), 'utf8'),
      path: await readFile(file('path'), 'utf8'),
      variables: parseOutputs(await readFile(file('env'), 'utf8')),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Inputs as the runner passes them: the workflow's values, else the defaults. */
export const inputVariables = (
  action: ActionFile,
  inputs: Readonly<Record<string, string>>,
  expressions: Readonly<Record<string, string>>,
): Record<string, string> => {
  const unknown = Object.keys(inputs).filter((name) => !(name in action.inputs))
  if (unknown.length > 0) throw new Error(`action.yml has no input ${unknown.join(', ')}`)
  return Object.fromEntries(
    Object.entries(action.inputs).map(([name, input]) => {
      const byDefault = input.default ?? ''
      if (byDefault.includes('${{') && !(byDefault in expressions))
        throw new Error(`no value is known for ${byDefault}`)
      return [`INPUT_${name.toUpperCase()}`, inputs[name] ?? expressions[byDefault] ?? byDefault]
    }),
  )
}

const run = (
  [program = '', ...args]: readonly string[],
  env: Record<string, string>,
  started?: (child: ChildProcess) => void,
): Promise<{ exitCode: number | null; log: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text))
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, log }))
    started?.(child)
  })

/** Source: "Workflow commands for GitHub Actions", multiline strings. */
const parseOutputs = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n?\2$/gm)].map(([, name = '', , value = '']) => [name, value]),
  )

const unescapeCommand = (text: string): string =>
  text.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%')
