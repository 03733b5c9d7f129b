import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { startDaemon } from './daemon.ts'
import { type Finished, need, output, run, searchPath } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A separate Docker engine, with no images, no network but the host's (`--network host`) and no credentials. */
export type DockerEngine = AsyncDisposable & {
  /** The path of the socket on which it listens. */
  readonly socket: string
  /** Runs Docker's command-line client against this engine. Registries on loopback need no TLS. */
  docker(args: readonly string[], options?: { readonly input?: string }): Promise<Finished>
  /** Ends its containers and the engine, and removes everything that it holds. */
  stop(): Promise<void>
}

/** Starts a Docker engine; needs root. Throws an `Error` if Docker is not installed or does not start. */
export const startDockerEngine = async (): Promise<DockerEngine> => {
  const [dockerd, client] = [need('dockerd', 'docker.io'), need('docker', 'docker.io')]
  need('containerd', 'containerd')
  need('runc', 'runc')
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('docker')).path
  const socket = join(folder, 'docker.sock')
  const host = `unix://${socket}`
  const configFile = join(folder, 'daemon.json')
  await writeFile(configFile, '{}')
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('DOCKER_'))
  const env = { ...Object.fromEntries(inherited), PATH: searchPath, DOCKER_CONFIG: join(folder, 'client') }
  const docker: DockerEngine['docker'] = (args, { input } = {}) =>
    run(client, ['--host', host, ...args], { env, ...(input !== undefined && { input }) })
  // The engine leaves mounts behind, which must be gone before the folder can be removed.
  starting.defer(() => unmountBelow(folder))
  const daemon = await startDaemon(
    dockerd,
    [
      ...['--config-file', configFile, '--host', host, '--pidfile', join(folder, 'docker.pid')],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
      // If the machine runs a containerd, dockerd uses it, and must not meet the machine's own containers there.
      ...['--containerd-namespace', basename(folder), '--containerd-plugins-namespace', `${basename(folder)}-plugins`],
    ],
    { logs: join(folder, 'logs'), env, ready: async () => (await docker(['version'])).exitCode === 0 },
  )
  starting.defer(daemon.stop)
  starting.defer(async () => {
    const ids = (await docker(['ps', '--quiet'])).stdout.split('\n').filter((id) => id)
    if (ids.length > 0) await docker(['kill', ...ids])
  })
  const running = starting.move()
  const stop = () => running.disposeAsync()
  return { socket, docker, stop, [Symbol.asyncDispose]: stop }
}

const unmountBelow = async (folder: string): Promise<void> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '')
  const own = mounts.filter((path) => path.startsWith(`${folder}/`)).reverse()
  if (own.length > 0) await output(need('umount', 'mount'), ['--lazy', ...own])
}
