import { randomUUID } from 'node:crypto'
import { chown, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { DockerEngine } from './docker-engine.ts'
import { type Finished, output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

type Variables = Readonly<Record<string, string>>

/** The output of a step and what it left in the runner's files; `outputs` has their `name=value` lines. */
export type ContainerStep = Finished & { readonly outputs: Variables; readonly summary: string }

/** The container of a job with `container:`, as GitHub's runner starts it. */
export type RunnerContainer = AsyncDisposable & {
  /** `PATH` from the image's configuration, before which the runner puts folders. */
  readonly path: string | undefined
  /** The lines of `/etc/*release` that begin with `ID`. The runner reads them to choose a Node.js. */
  readonly release: string
  /** Runs a step with `run:`, and with `shell: bash` or no `shell:`. */
  script(text: string, options?: { readonly shell?: 'bash'; readonly env?: Variables }): Promise<ContainerStep>
  /** Runs a step with `uses:`: the JavaScript action in `folder`, whose program is `main`. */
  action(
    folder: string,
    main: string,
    options?: { readonly inputs?: Variables; readonly env?: Variables },
  ): Promise<ContainerStep>
}

// The runner's user on GitHub's machines. In the container, everything runs as root.
const runnerUser = 1001

/**
 * Pulls an image and starts it as the runner does (actions/runner 2.336: `ContainerOperationProvider.cs`,
 * `DockerCommandManager.cs`, `StepHost.cs`), except for the network, which is the machine's, so that servers on
 * loopback can be reached. Throws an `Error` with Docker's message if that fails.
 */
export const startRunnerContainer = async (engine: DockerEngine, image: string): Promise<RunnerContainer> => {
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await engine.docker(args)
    if (exitCode !== 0) throw new Error(`docker ${args[0]} ended with ${exitCode}: ${stderr || stdout}`)
    return stdout.trim()
  }
  await using starting = new AsyncDisposableStack()
  const machine = starting.use(await temporaryFolder('runner')).path
  const folder = async (name: string): Promise<string> => {
    await mkdir(join(machine, name), { recursive: true })
    return join(machine, name)
  }
  // The mounts of MountWellKnownDirectories; a later one may be inside an earlier one.
  const mounts = [
    [engine.socket, '/var/run/docker.sock'],
    [await folder('work'), '/__w'],
    [await folder('externals'), '/__e', 'ro'],
    [await folder('work/_temp'), '/__w/_temp'],
    [await folder('work/_actions'), '/__w/_actions'],
    [await folder('work/_tool'), '/__t'],
    [await folder('work/_temp/_github_home'), '/github/home'],
    [await folder('work/_temp/_github_workflow'), '/github/workflow'],
  ]
  // The runner brings its own Node.js from nodejs.org. npm brings the one for these tests.
  await folder('externals/node24')
  mounts.push([resolve(process.execPath, '..', '..'), '/__e/node24', 'ro'])
  await folder('work/r/r')
  await folder('work/_temp/_runner_file_commands')
  await writeFile(join(machine, 'work/_temp/_github_workflow/event.json'), '{"ref":"refs/heads/main"}')
  await output('chown', ['--recursive', `${runnerUser}`, join(machine, 'work')])

  await docker('pull', image)
  const id = await docker(
    ...['create', '--workdir', '/__w/r/r', '--network', 'host'],
    ...['-e', 'HOME=/github/home', '-e', 'GITHUB_ACTIONS=true', '-e', 'CI=true'],
    ...mounts.flatMap((mount) => ['-v', mount.join(':')]),
    ...['--entrypoint', 'tail', image, '-f', '/dev/null'],
  )
  starting.defer(() => docker('rm', '--force', id).then(() => {}))
  await docker('start', id)
  const status = await docker('inspect', '--format', '{{.State.Status}}', id)
  if (status !== 'running') throw new Error(`The container is ${status}: ${await docker('logs', id)}`)

  const configured = await docker('inspect', '--format', '{{range .Config.Env}}{{println .}}{{end}}', id)
  const path = configured
    .split('\n')
    .find((variable) => variable.startsWith('PATH='))
    ?.slice('PATH='.length)
  // The runner reads the output even if this command fails.
  const { stdout: release } = await engine.docker(['exec', id, 'sh', '-c', 'cat /etc/*release | grep ^ID'])
  if (release.includes('alpine')) throw new Error(`The runner would take the Node.js for Alpine: ${release}`)

  let added: readonly string[] = []
  let variables: Variables = {}

  const exec = async (command: readonly string[], own: Variables): Promise<ContainerStep> => {
    const step = randomUUID()
    const commandFiles = ['set_env', 'add_path', 'set_output', 'step_summary', 'save_state'].map(
      (name) => `${name}_${step}`,
    )
    const [envFile = '', pathFile = '', outputFile = '', summaryFile = '', stateFile = ''] = commandFiles
    const onMachine = (file: string): string => join(machine, 'work/_temp/_runner_file_commands', file)
    const inContainer = (file: string): string => `/__w/_temp/_runner_file_commands/${file}`
    for (const file of commandFiles) {
      await writeFile(onMachine(file), '')
      await chown(onMachine(file), runnerUser, runnerUser)
    }
    const environment = {
      GITHUB_ENV: inContainer(envFile),
      GITHUB_EVENT_NAME: 'push',
      GITHUB_EVENT_PATH: '/github/workflow/event.json',
      GITHUB_OUTPUT: inContainer(outputFile),
      GITHUB_PATH: inContainer(pathFile),
      GITHUB_REPOSITORY: 'owner/repository',
      GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
      GITHUB_STATE: inContainer(stateFile),
      GITHUB_STEP_SUMMARY: inContainer(summaryFile),
      GITHUB_WORKSPACE: '/__w/r/r',
      RUNNER_ARCH: process.arch.toUpperCase(),
      RUNNER_OS: 'Linux',
      RUNNER_TEMP: '/__w/_temp',
      RUNNER_TOOL_CACHE: '/__t',
      ...variables,
      ...own,
      ...(added.length > 0 && { PATH: [...added, path ?? ''].join(':') }),
    }
    const finished = await engine.docker([
      ...['exec', '-i', '--workdir', '/__w/r/r'],
      ...Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      ...[id, ...command],
    ])
    const left = (file: string): Promise<string> => readFile(onMachine(file), 'utf8')
    variables = { ...variables, ...parseVariables(await left(envFile)) }
    const folders = (await left(pathFile)).split('\n').filter((line) => line)
    added = [...folders.reverse(), ...added]
    return { ...finished, outputs: parseVariables(await left(outputFile)), summary: await left(summaryFile) }
  }

  const started = starting.move()
  return {
    path,
    release,
    script: async (text, { shell, env = {} } = {}) => {
      const name = `${randomUUID()}.sh`
      await writeFile(join(machine, 'work/_temp', name), text)
      // Source: ScriptHandler.cs, ScriptHandlerHelpers.cs.
      const command = shell === 'bash' ? ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail'] : ['sh', '-e']
      return exec([...command, `/__w/_temp/${name}`], env)
    },
    action: async (folder, main, { inputs = {}, env = {} } = {}) => {
      const name = randomUUID()
      await cp(folder, join(machine, 'work/_actions', name), { recursive: true })
      const given = Object.entries(inputs).map(([input, value]) => [`INPUT_${input.toUpperCase()}`, value])
      const command = ['/__e/node24/bin/node', `/__w/_actions/${name}/${main}`]
      return exec(command, { ...env, ...Object.fromEntries(given) })
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

const parseVariables = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^([^=\n]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))
