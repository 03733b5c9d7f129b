import { access, constants, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { command } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'
import type { Job } from '../lib/job.ts'
import { shownUrl } from '../lib/url-secrets.ts'
import { downloadFile } from './download.ts'
import { explainNix } from './explain.ts'
import { configureNix } from './nix.ts'
import type { NixRelease } from './release.ts'
import { canSandbox } from './sandbox.ts'
import { type UnpackedRelease, unpackRelease } from './unpack.ts'

/**
 * A Nix that this run has installed. Its users need `bin` on the PATH and `variables` in the environment. `sandbox`
 * says whether it can build in a sandbox by itself.
 */
export type InstalledNix = {
  readonly bin: string
  readonly variables: Readonly<Record<string, string>>
  readonly sandbox: boolean
}

export type InstallJob = Pick<Job, 'environment' | 'log' | 'signal' | 'temporary'>

const root = '/nix'

/**
 * Installs Nix for this user, without a daemon: downloads a release, checks its SHA-256, unpacks it, registers its
 * store paths and writes a nix.conf. Only `/nix` itself is made with sudo. Throws a `UserError` with the reason if that
 * is not possible.
 */
export const installNix = async (release: NixRelease, job: InstallJob): Promise<InstalledNix> => {
  const { environment, signal, temporary, log } = job
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
      // Without this folder, Nix uses a store below the user's home instead of the one in /nix.
      await mkdir(join(root, 'var', 'nix'), { recursive: true })
      const bin = join(unpacked.path, 'bin')
      const certificates = await certificatesFor(environment, unpacked)
      const configuration = join(root, 'etc', 'nix')
      const variables = {
        NIX_CONF_DIR: configuration,
        ...(certificates && { NIX_SSL_CERT_FILE: certificates }),
      }
      const installed = { environment: { ...withPath(environment, bin), ...variables }, signal }
      await command('nix-store', ['--load-db'], { ...installed, stdin: unpacked.registration }).catch((cause) => {
        throw explainNix(cause, 'The Nix tarball has a registration that cannot be loaded')
      })
      const { inEnvironment } = await configureNix('', { ...job, ...installed })
      const sandbox = await canSandbox(inEnvironment(installed.environment), temporary)
      await writeConfig(configuration, sandbox, unpacked.staging)
      await keep(unpacked)
      return { bin, variables, sandbox }
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

/** Where distributions have the certificates of authorities. Nix looks in the first place by itself. */
const [nixLooksIn, ...others] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const

/**
 * The file that Nix should be told to read, if it would find none by itself: that of the machine, which may know
 * authorities of its own, or else that of the release, as in containers without certificates.
 */
const certificatesFor = async (
  environment: Readonly<Record<string, string>>,
  { certificates }: UnpackedRelease,
): Promise<string | undefined> => {
  if (environment['NIX_SSL_CERT_FILE'] || environment['SSL_CERT_FILE'] || (await exists(nixLooksIn))) return undefined
  for (const file of others) if (await exists(file)) return file
  return certificates
}

/** Makes Nix a root of the garbage collector, since a later step may start one. */
const keep = async ({ path, staging }: UnpackedRelease): Promise<void> => {
  const roots = join(root, 'var', 'nix', 'gcroots')
  await mkdir(roots, { recursive: true })
  await symlink(path, join(staging, 'root'))
  await rename(join(staging, 'root'), join(roots, 'nix-image-action'))
}

type Options = Pick<Job, 'environment' | 'signal'>

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

const writeConfig = async (folder: string, sandbox: boolean, staging: string): Promise<void> => {
  const lines = [
    'build-users-group =',
    `sandbox = ${sandbox}`,
    'max-jobs = auto',
    'experimental-features = nix-command flakes',
  ]
  await mkdir(folder, { recursive: true })
  await writeFile(join(staging, 'nix.conf'), `${lines.join('\n')}\n`)
  await rename(join(staging, 'nix.conf'), join(folder, 'nix.conf'))
}
