import { list, string } from '../lib/check.ts'
import type { Job } from '../lib/job.ts'
import { builderEnvironment } from './builder-environment.ts'
import { asOptions, startBuildingDaemon } from './building-daemon.ts'
import type { Nix } from './nix.ts'
import { probeSandbox, type Sight } from './sandbox-probe.ts'
import { readSetting } from './settings.ts'

/** Who may build what no substituter has, as the input `sandbox` says. */
export type SandboxMode = 'auto' | 'require' | 'off'

/** The Nix of a run, and how else it can be started. */
export type NixAccess = {
  readonly nix: Nix
  readonly environment: Readonly<Record<string, string>>
  /** The same Nix in another environment. */
  readonly inEnvironment: (environment: Readonly<Record<string, string>>) => Nix
  /** The files with its settings, as in `NIX_USER_CONF_FILES`. */
  readonly configFiles: string
  readonly sandbox: SandboxMode
  /** Where the job has its secrets: its home, the workspace, the runner's temporary folder. */
  readonly secretFolders: readonly string[]
}

/** A Nix whose builders cannot see what the step can; ends what it needs. Or why there is none. */
export type Builders = AsyncDisposable & ({ readonly nix: Nix } | { readonly refused: string })

/**
 * What wins over nix.conf and `nix-config`, however they write it: the command line is read last. Who builds elsewhere,
 * or is asked about each build, is left out, since nobody can show what those do.
 */
const plain = {
  'sandbox-fallback': 'false',
  'filter-syscalls': 'true',
  'allow-new-privileges': 'false',
  builders: '',
  'pre-build-hook': '',
} as const

/** For our own derivation, where there is no sandbox. */
export const unsandboxed = { ...plain, sandbox: 'false', 'build-users-group': '', substitute: 'false' } as const

/** Nix as its settings are, and with these. */
export const withSettings =
  (nix: Nix, settings: Readonly<Record<string, string>>): Nix =>
  (program, args, options) =>
    nix(program, [...args, ...asOptions(settings)], options)

/**
 * Finds out who may build: a sandbox, by a daemon of this run where the store is this user's; with `auto`, else users
 * of their own that see none of the folders with secrets. What Nix says of itself is not believed: a build that looks
 * around shows it.
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
    // Nix has fetched by then what it can, with the proxies and netrc of this user.
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
    // Only root can build as somebody else.
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
 * Whether this Nix can build in a sandbox by itself, as its user; Ubuntu 24.04 lets only programs that AppArmor knows
 * make one.
 */
export const canSandbox = async (nix: Nix, temporary: string): Promise<boolean> => {
  const settings = { ...plain, sandbox: 'true', 'build-users-group': '', substitute: 'false' }
  const sight = await probeSandbox(withSettings(nix, settings), { temporary, secretFolders: [] })
  return 'sees' in sight && sight.sees === 'nothing'
}

/** Whether Nix writes to the store by itself, and not by a daemon or to another machine. */
const isOwnStore = async (nix: Nix): Promise<boolean> => {
  let isOwn = false
  const onLine = (line: string): void => {
    if (/^Store URL: (local|\/)/.test(line)) isOwn = true
  }
  await nix('nix', ['store', 'ping'], { quiet: true, onLine })
  return isOwn
}

/** The one that only looks for `builders`. Nix 2.8 cannot do without. */
const ownBuildHook = async (nix: Nix): Promise<string> => {
  const { defaultValue } = await readSetting(nix, 'build-hook')
  return Array.isArray(defaultValue)
    ? list(string)(defaultValue, 'build-hook').join(' ')
    : string(defaultValue, 'build-hook')
}
