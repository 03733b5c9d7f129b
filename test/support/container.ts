import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type FetchOptions, fetchImage, type ImageConfig } from './fetch-image.ts'
import { type Finished, need, output, run } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

type ContainerRunOptions = {
  /** Variables in addition to the image's own, over which they take precedence. */
  readonly env?: Readonly<Record<string, string>>
  /** `uid` or `uid:gid`, in digits; the default is the image's. */
  readonly user?: string
  /** Replaces the image's entrypoint. As with Docker, the image's command is then ignored too. */
  readonly entrypoint?: readonly string[]
}

/** An unpacked image. A run may change `rootfs` (mount points, the working directory), so look into it before. */
export type Container = AsyncDisposable & {
  readonly rootfs: string
  readonly config: ImageConfig
  /**
   * Runs the image's entrypoint with the command, or with the image's own command, without network. If the program is
   * missing, the exit code is 1 and the output is runc's complaint.
   */
  run(command?: readonly string[], options?: ContainerRunOptions): Promise<Finished>
}

type RuntimeConfig = {
  process: Record<string, unknown> & { env: string[] }
  root: Record<string, unknown>
  mounts: { type: string }[]
  linux: Record<string, unknown> & { namespaces: { type: string }[] }
}

// Docker's defaults, since people run images with Docker. umoci writes fewer capabilities.
const capabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]

/**
 * Fetches an image and unpacks it. Throws an `Error` if that fails, or if skopeo, umoci or runc is missing. `source`
 * and `options` are those of `fetchImage`.
 */
export const unpackImage = async (source: string, options: FetchOptions = {}): Promise<Container> => {
  const runc = need('runc', 'runc')
  const umoci = need('umoci', 'umoci')
  await using starting = new AsyncDisposableStack()
  const folder = starting.use(await temporaryFolder('container')).path
  const rootfs = join(folder, 'rootfs')
  const state = join(folder, 'runc')
  const { image, config } = await fetchImage(source, folder, options)
  await output(umoci, ['raw', 'unpack', '--image', image, rootfs])
  const runtimeFile = join(folder, 'runtime.json')
  await output(umoci, ['raw', 'runtime-config', '--image', image, '--rootfs', rootfs, runtimeFile])
  const runtime = adapt(JSON.parse(await readFile(runtimeFile, 'utf8')) as RuntimeConfig, rootfs)
  // Removes containers that still run because their test gave up on them.
  starting.defer(async () => {
    for (const id of await readdir(state).catch(() => [])) await run(runc, ['--root', state, 'delete', '--force', id])
  })
  const unpacked = starting.move()
  let runs = 0
  return {
    rootfs,
    config,
    run: async (command, { env = {}, user, entrypoint } = {}) => {
      // runc names a control group after the container, so the name must be unique on this machine.
      const id = `${basename(folder)}-${runs++}`
      const bundle = join(folder, id)
      const process = {
        ...runtime.process,
        args: [
          ...(entrypoint ?? config.config?.Entrypoint ?? []),
          ...(command ?? (entrypoint ? [] : (config.config?.Cmd ?? []))),
        ],
        env: merge(runtime.process.env, env),
        ...(user !== undefined && { user: parseUser(user) }),
      }
      await mkdir(bundle)
      await writeFile(join(bundle, 'config.json'), JSON.stringify({ ...runtime, process }))
      return run(runc, ['--root', state, 'run', '--bundle', bundle, id])
    },
    [Symbol.asyncDispose]: () => unpacked.disposeAsync(),
  }
}

/**
 * umoci's configuration without settings that need rights over control groups and limits, which test machines do not
 * give.
 */
const adapt = (runtime: RuntimeConfig, rootfs: string): RuntimeConfig => {
  const { rlimits: _rlimits, ...process } = runtime.process
  const { resources: _resources, cgroupsPath: _cgroupsPath, ...linux } = runtime.linux
  return {
    ...runtime,
    root: { ...runtime.root, path: rootfs },
    process: {
      ...process,
      env: process.env,
      terminal: false,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    mounts: runtime.mounts.filter(({ type }) => type !== 'cgroup'),
    linux: { ...linux, namespaces: linux.namespaces.filter(({ type }) => type !== 'cgroup') },
  }
}

const merge = (image: readonly string[], own: Readonly<Record<string, string>>): string[] => [
  ...image.filter((variable) => !Object.hasOwn(own, variable.split('=', 1)[0] ?? '')),
  ...Object.entries(own).map(([name, value]) => `${name}=${value}`),
]

const parseUser = (user: string): { uid: number; gid: number } => {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(user) ?? []
  if (uid === undefined) throw new Error(`A user should be uid or uid:gid, but is ${JSON.stringify(user)}`)
  return { uid: Number(uid), gid: Number(gid ?? 0) }
}
