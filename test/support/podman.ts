import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finished, need, run, searchPath } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Podman with a storage of its own, which is removed when it is disposed of. Containers run with `runc`. */
export type Podman = AsyncDisposable & { podman(args: readonly string[]): Promise<Finished> }

/** Needs root. Throws an `Error` if podman or runc is missing. */
export const ownPodman = async (): Promise<Podman> => {
  const [program, runc] = [need('podman', 'podman'), need('runc', 'runc')]
  const folder = await temporaryFolder('podman')
  const at = (name: string): string => join(folder.path, name)
  await mkdir(at('home'))
  const own = [
    ...['--root', at('storage'), '--runroot', at('run'), '--tmpdir', at('temporary'), '--storage-driver', 'vfs'],
    // Test machines have neither systemd nor its journal.
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', runc],
  ]
  const env = { PATH: searchPath, HOME: at('home') }
  return {
    podman: (args) => run(program, [...own, ...args], { env }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** For `podman run`: its own limits are higher than test machines allow, and it needs no network. */
export const modest: readonly string[] = ['--network', 'none', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024']
