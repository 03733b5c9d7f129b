import { access, constants, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { command } from '../command.ts'
import { UserError } from '../error.ts'
import { shownUrl } from '../lib/url-secrets.ts'
import type { Log } from '../log.ts'
import { downloadFile } from './download.ts'
import { explainNix } from './explain.ts'
import type { NixRelease } from './release.ts'
import { unpackRelease } from './unpack.ts'

/** Nix that was installed: what has to be in the environment to use it. */
export type InstalledNix = { readonly bin: string; readonly variables: Readonly<Record<string, string>> }

export type InstallTools = {
  readonly environment: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly temporary: string
  readonly log: Log
}

const root = '/nix'

/**
 * Installs Nix for this user, without a daemon: downloads a release, checks its SHA-256, unpacks it, registers its store
 * paths and writes a nix.conf. Only `/nix` itself is made with sudo. Throws a `UserError` that says what stands in the way.
 */
export const installNix = async (release: NixRelease, tools: InstallTools): Promise<InstalledNix> => {
  const { environment, signal, temporary, log } = tools
  const options = { environment, signal }
  const folder = await mkdtemp(join(temporary, 'install-'))
  const tarball = join(folder, 'nix.tar')
  try {
    log.info(`Installing Nix from ${shownUrl(release.url)}`)
    const sha256 = await downloadFile(release.url, tarball, { signal })
    if (sha256 !== release.sha256)
      throw new UserError(
        `${shownUrl(release.url)} has the SHA-256 ${sha256}, not ${release.sha256}; check \`nix-sha256\`, and do not use that file.`,
      )
    await makeRoot(options)
    const unpacked = await unpackRelease(tarball, release.system, root, options)
    try {
      // Where this is not there, Nix does not use the store in /nix, but one below the user's home.
      await mkdir(join(root, 'var', 'nix'), { recursive: true })
      const bin = join(unpacked.path, 'bin')
      const variables = { NIX_CONF_DIR: join(root, 'etc', 'nix') }
      const installed = { environment: { ...withPath(environment, bin), ...variables }, signal }
      await command('nix-store', ['--load-db'], { ...installed, stdin: unpacked.registration }).catch((cause) => {
        throw explainNix(cause, 'The Nix tarball has a registration that cannot be loaded')
      })
      await writeConfig(variables.NIX_CONF_DIR, await canSandbox(unpacked.path, installed), log)
      await keep(unpacked.path)
      return { bin, variables }
    } finally {
      await unpacked.remove()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const withPath = (environment: Readonly<Record<string, string>>, bin: string): Record<string, string> => ({
  ...environment,
  PATH: [bin, environment['PATH']].join(delimiter),
})

/** Makes Nix a root of the garbage collector, which a later step may start. */
const keep = async (path: string): Promise<void> => {
  const roots = join(root, 'var', 'nix', 'gcroots')
  await mkdir(roots, { recursive: true })
  await rm(join(roots, 'nix-image-action'), { force: true })
  await symlink(path, join(roots, 'nix-image-action'))
}

type Options = Pick<InstallTools, 'environment' | 'signal'>

const makeRoot = async (options: Options): Promise<void> => {
  const isWritable = await access(root, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (isWritable) return
  const names = await readdir(root).catch((): string[] => [])
  if (names.length > 0)
    throw new UserError(
      `${root} is there already and belongs to another user, so that no Nix can be installed into it; use the one that is there (\`install-nix: auto\`, and its folder on the PATH), or a runner without ${root}.`,
    )
  if (process.getuid?.() === 0) {
    await mkdir(root, { recursive: true })
    return
  }
  const owner = ['--owner', `${process.getuid?.()}`, '--group', `${process.getgid?.()}`]
  await command(
    'sudo',
    ['--non-interactive', 'install', '--directory', '--mode', '0755', ...owner, root],
    options,
  ).catch((cause) => {
    throw new UserError(
      `${root} cannot be made with sudo; install Nix in a step before this one, or run the job where sudo asks for no password.`,
      { cause },
    )
  })
}

const writeConfig = async (folder: string, sandbox: boolean, log: Log): Promise<void> => {
  if (!sandbox)
    log.notice(
      'This runner does not let Nix build in a sandbox, so that a build may see files and the network of the runner. What is fetched from a substituter is not affected.',
    )
  const lines = [
    'build-users-group =',
    `sandbox = ${sandbox}`,
    'max-jobs = auto',
    'experimental-features = nix-command flakes',
  ]
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'nix.conf'), `${lines.join('\n')}\n`)
}

/** Needs nothing but Nix itself: the builder is a Nix program that writes a file. */
const sandboxTest = `
  { nix }:
  derivation {
    name = "sandbox-test";
    system = builtins.currentSystem;
    builder = "\${builtins.storePath nix}/bin/nix-store";
    args = [ "--generate-binary-cache-key" "test" (builtins.placeholder "out") "/dev/null" ];
  }
`

/** Whether something can be built in a sandbox; Ubuntu 24.04 lets only programs that AppArmor knows make one. */
const canSandbox = async (nix: string, options: Options): Promise<boolean> => {
  const settings = { sandbox: 'true', 'sandbox-fallback': 'false', 'build-users-group': '' }
  const given = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  try {
    const [derivation = ''] = (
      await command('nix-instantiate', ['--expr', sandboxTest, '--argstr', 'nix', nix, ...given], options)
    ).split('\n')
    await command('nix-store', ['--realise', derivation, ...given], options)
    return true
  } catch {
    options.signal.throwIfAborted()
    return false
  }
}
