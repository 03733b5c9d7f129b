import { list, string } from '../lib/check.ts'
import type { Job } from '../lib/job.ts'
import { builderEnvironment } from './builder-environment.ts'
import { asOptions, startBuildingDaemon } from './building-daemon.ts'
import type { Nix } from './nix.ts'
import { probeSandbox, type Sight } from './sandbox-probe.ts'
import { readSetting } from './settings.ts'

/** How paths may be built that no substituter has, as the input `sandbox` says. */
export type SandboxMode = 'auto' | 'require' | 'off'

/** The Nix of a run, and a way to start it in another environment. */
export type NixAccess = {
  readonly nix: Nix
  readonly environment: Readonly<Record<string, string>>
  /** The same Nix in another environment. */
  readonly inEnvironment: (environment: Readonly<Record<string, string>>) => Nix
  /** The files with its settings, written as in `NIX_USER_CONF_FILES`. */
  readonly configFiles: string
  readonly sandbox: SandboxMode
  /** The folders with the job's secrets: its home, the workspace, the runner's temporary folder. */
  readonly secretFolders: readonly string[]
}

/**
 * A Nix whose builders cannot see what the step can see, or the reason why there is none. Disposing of it ends the
 * daemon that it may need.
 */
export type Builders = AsyncDisposable & ({ readonly nix: Nix } | { readonly refused: string })

/**
 * Settings that override those in nix.conf and `nix-config`, since Nix reads its command line last. Remote builders and
 * the hook before each build are turned off, since we cannot check what they do.
 */
const plain = {
  'sandbox-fallback': 'false',
  'filter-syscalls': 'true',
  'allow-new-privileges': 'false',
  builders: '',
  'pre-build-hook': '',
} as const

/** For our own derivation, if there is no sandbox. */
export const unsandboxed = { ...plain, sandbox: 'false', 'build-users-group': '', substitute: 'false' } as const

/** The same Nix with additional settings. */
export const withSettings =
  (nix: Nix, settings: Readonly<Record<string, string>>): Nix =>
  (program, args, options) =>
    nix(program, [...args, ...asOptions(settings)], options)

/**
 * Finds a Nix that may build. The first choice is a sandbox, by a daemon of this run if the store belongs to this user.
 * With `auto`, the second choice is users for builds that can read none of the folders with secrets. Nix's settings are
 * not trusted: a test build shows what a builder can see.
 */
export const openBuilders = async (
  access: NixAccess,
  { signal, temporary }: Pick<Job, 'signal' | 'temporary'>,
): Promise<Builders> => {
  const { nix, environment, inEnvironment, configFiles, sandbox, secretFolders } = access
  const probe = (candidate: Nix): Promise<Sight> => probeSandbox(candidate, { temporary, secretFolders })
  const strict = { ...plain, 'build-hook': await ownBuildHook(nix) }
  const sandboxed = { ...strict, sandbox: 'true' }
  const reasons: string[] = []
  await using starting = new AsyncDisposableStack()
  const found = (candidate: Nix): Builders => {
    const running = starting.move()
    return { nix: candidate, [Symbol.asyncDispose]: () => running.disposeAsync() }
  }

  if (await isOwnStore(nix)) {
    // Nix has already fetched what substituters have, with this user's proxies and netrc.
    const settings = { ...sandboxed, 'build-users-group': 'nixbld', substitute: 'false' }
    const daemon = await startBuildingDaemon({ environment, configFiles, settings, temporary, signal })
    if (typeof daemon === 'string') reasons.push(daemon)
    else {
      starting.use(daemon)
      const candidate = withSettings(inEnvironment(daemon.environment), { ...settings, store: 'daemon' })
      const sight = await probe(candidate)
      if ('sees' in sight && sight.sees === 'nothing') return found(candidate)
      reasons.push('fault' in sight ? sight.fault : 'its builds see files of the machine')
    }
    // Only root can build as another user.
    if (sandbox === 'auto' && process.getuid?.() === 0) {
      const candidate = withSettings(inEnvironment({ ...builderEnvironment(environment), HOME: temporary }), {
        ...strict,
        sandbox: 'false',
        'build-users-group': 'nixbld',
        substitute: 'false',
      })
      const sight = await probe(candidate)
      if ('sees' in sight && sight.sees !== 'secrets') return found(candidate)
      reasons.push('fault' in sight ? 'there are no users for builds' : 'users for builds can read folders of this job')
    }
  } else {
    const candidate = withSettings(nix, sandboxed)
    const sight = await probe(candidate)
    if ('sees' in sight && (sight.sees === 'nothing' || (sandbox === 'auto' && sight.sees === 'machine')))
      return found(candidate)
    reasons.push(
      'fault' in sight ? sight.fault : 'the Nix daemon does not build in one, and this user cannot change that',
    )
  }
  return { refused: reasons.join('; '), [Symbol.asyncDispose]: async () => {} }
}

/**
 * Whether this Nix can build in a sandbox by itself, as its user. On Ubuntu 24.04, only programs with an AppArmor
 * profile can make a sandbox.
 */
export const canSandbox = async (nix: Nix, temporary: string): Promise<boolean> => {
  const settings = { ...plain, sandbox: 'true', 'build-users-group': '', substitute: 'false' }
  const sight = await probeSandbox(withSettings(nix, settings), { temporary, secretFolders: [] })
  return 'sees' in sight && sight.sees === 'nothing'
}

/** Whether Nix writes to the store by itself, and not through a daemon or to another machine. */
const isOwnStore = async (nix: Nix): Promise<boolean> => {
  let isOwn = false
  const onLine = (line: string): void => {
    if (/^Store URL: (local|\/)/.test(line)) isOwn = true
  }
  await nix('nix', ['store', 'ping'], { quiet: true, onLine })
  return isOwn
}

/** Nix's own hook, which only uses `builders`. Nix 2.8 needs a hook. */
const ownBuildHook = async (nix: Nix): Promise<string> => {
  const { defaultValue } = await readSetting(nix, 'build-hook')
  return Array.isArray(defaultValue)
    ? list(string)(defaultValue, 'build-hook').join(' ')
    : string(defaultValue, 'build-hook')
}
