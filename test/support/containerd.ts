import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startDaemon } from './daemon.ts'
import { type Finished, need, run, searchPath } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A separate containerd, with no images. */
export type Containerd = AsyncDisposable & {
  /** Runs containerd's command-line client against it. */
  ctr(args: readonly string[]): Promise<Finished>
}

/** Starts a containerd on a socket of its own; needs root. Throws an `Error` if it is missing or does not start. */
export const startContainerd = async (): Promise<Containerd> => {
  const [program, client] = [need('containerd', 'containerd'), need('ctr', 'containerd')]
  need('runc', 'runc')
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('containerd')).path
  const at = (name: string): string => join(folder, name)
  const socket = at('containerd.sock')
  const quoted = (text: string): string => JSON.stringify(text)
  const config = [
    'version = 2',
    `root = ${quoted(at('root'))}`,
    `state = ${quoted(at('state'))}`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\naddress = ${quoted(socket)}`,
    `[ttrpc]\naddress = ${quoted(at('ttrpc.sock'))}`,
  ]
  await writeFile(at('config.toml'), config.join('\n'))
  const env = { PATH: searchPath }
  const ctr: Containerd['ctr'] = (args) => run(client, ['--address', socket, ...args], { env })
  const daemon = await startDaemon(program, ['--config', at('config.toml')], {
    ...{ logs: at('logs'), env },
    ready: async () => (await ctr(['version'])).exitCode === 0,
  })
  starting.defer(daemon.stop)
  const running = starting.move()
  return { ctr, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
