import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { changedInStore } from './changed-in-store.ts'
import { invalidPaths } from './check-validity.ts'
import type { EvaluatedImage } from './evaluate.ts'
import { explainNix } from './explain.ts'
import { type ImageSpec, parseImageSpec } from './image-spec.ts'
import { narOfFile } from './nar.ts'
import { parseNarHash } from './nar-hash.ts'
import { type Nix, perProcess } from './nix.ts'
import { type NixAccess, openBuilders, unsandboxed, withSettings } from './sandbox.ts'
import { parseStorePath, type StorePath, storePathName } from './store-path.ts'
import { untrusted } from './trusted-closure.ts'

/** Keeps the output of builders out of the log. Instead, Nix puts the end of a failed build's output into its error. */
const quiet = ['--no-build-output', '--option', 'log-lines', '20']

/** In bytes. A description of 20,000 paths, each with 100 references, needs a third of it. */
const limit = 500_000_000

type BuiltFrom = Pick<EvaluatedImage, 'derivation' | 'tools'>

/**
 * Brings the parts of an image into the store, and reads the image's description. Nix fetches the paths that
 * substituters have, and builds the rest as the input `sandbox` says. A link in `temporary` protects them all from the
 * garbage collector until the run ends. Throws a `UserError` with the end of the log if a build fails, one that names a
 * derivation if it may not be built, and one if the description is too large or differs from its hash in Nix's
 * database.
 */
export const realiseImage = async (
  image: BuiltFrom,
  access: NixAccess,
  job: Pick<Job, 'signal' | 'temporary'>,
): Promise<ImageSpec> => {
  const { nix } = access
  const { derivation } = image
  if (access.sandbox !== 'off') await realiseApart(image, access, job)
  const root = join(job.temporary, 'image')
  await realise(nix, derivation, '--add-root', root, '--indirect', ...quiet)
  const { size } = await stat(root)
  if (size > limit)
    throw new UserError(
      `The package set describes the image in ${Math.round(size / 1e6)} MB, more than an image can need; check its bash and coreutils, which write that.`,
    )
  const bytes = await readFile(root)
  const expected = parseNarHash((await nix('nix-store', ['--query', '--hash', root])).trim(), 'the hash of the image')
  const found = narOfFile(bytes)
  if (found !== expected) throw changedInStore(await realpath(root), `its hash is ${found} and not ${expected}`)
  return parseImageSpec(bytes.toString())
}

/** When it returns, nothing is left to build. */
const realiseApart = async (
  image: BuiltFrom,
  access: NixAccess,
  job: Pick<Job, 'signal' | 'temporary'>,
): Promise<void> => {
  const { nix } = access
  const { derivation } = image
  const { toBuild, toFetch } = await missing(nix, derivation)
  // Nix gets the store paths and not their derivations, so that it builds nothing.
  for (let start = 0; start < toFetch.length; start += perProcess)
    await realise(nix, ...toFetch.slice(start, start + perProcess))
  if (toBuild.length === 0) return checkDescribed(derivation, nix)
  await using builders = await openBuilders(access, job)
  if ('nix' in builders) await realise(builders.nix, derivation, ...quiet)
  else await describeWithoutSandbox(image, builders.refused, access)
}

/**
 * Builds the only derivation that may be built without a sandbox. It is our own, but uses tools of the package set, so
 * these must be signed by a key that Nix's settings name.
 */
const describeWithoutSandbox = async (
  { derivation, tools }: BuiltFrom,
  reason: string,
  { nix, sandbox }: NixAccess,
): Promise<void> => {
  const { toBuild } = await missing(nix, derivation)
  if (toBuild.length === 0) return checkDescribed(derivation, nix)
  const [other] = toBuild.filter((path) => path !== derivation)
  const instead = 'run the job where root or sudo can make a sandbox'
  const trust = 'write `sandbox: off` if this package set may read all that the job can'
  if (other)
    throw new UserError(
      `${nameOf(other)} must be built, since no substituter has it, but ${because(sandbox, reason)}; ${instead}, name a substituter that has it in \`nix-config\`, or ${trust}.`,
    )
  if (sandbox === 'require')
    throw new UserError(
      `The description of the image must be built, but ${because(sandbox, reason)}; ${instead}, or write \`sandbox: auto\`.`,
    )
  const fault = await untrusted(tools, nix)
  if (fault)
    throw new UserError(
      `The image would be put together by ${fault}, but ${because(sandbox, reason)}; ${instead}, or ${trust}.`,
    )
  await realise(withSettings(nix, unsandboxed), derivation, ...quiet)
}

/**
 * Without a build, the description must be in the store already. Nix's text for people, which says that nothing is to
 * be built, is not trusted.
 */
const checkDescribed = async (derivation: StorePath, nix: Nix): Promise<void> => {
  const outputs = (await nix('nix-store', ['--query', '--outputs', derivation])).trim().split('\n')
  const [invalid] = await invalidPaths(
    outputs.map((path) => parseStorePath(path, 'an output of the image')),
    nix,
  )
  if (invalid) throw new Error(`Nix says that nothing is to be built, but ${invalid} is not there`)
}

const because = (sandbox: NixAccess['sandbox'], reason: string): string =>
  `\`sandbox\` is \`${sandbox}\` and this runner has none (${reason})`

const nameOf = (derivation: StorePath): string => storePathName(derivation).replace(/\.drv$/, '')

const realise = async (nix: Nix, ...args: readonly string[]): Promise<string> =>
  nix('nix-store', ['--realise', ...args]).catch((error) => {
    throw explainNix(error, 'The packages cannot be built')
  })

/**
 * The paths that are not in the store: derivations whose outputs no substituter has, and paths that a substituter has.
 * Throws an `Error` if Nix lists paths under an unknown heading, since they might be paths to build.
 */
const missing = async (
  nix: Nix,
  derivation: StorePath,
): Promise<{ readonly toBuild: readonly StorePath[]; readonly toFetch: readonly StorePath[] }> => {
  const toBuild: StorePath[] = []
  const toFetch: StorePath[] = []
  const unexplained: string[] = []
  let list: StorePath[] | undefined
  // Old and new versions of Nix print these lists for people only. In a list, two spaces are before each path.
  const onLine = (line: string): void => {
    const [, path] = /^ {2}(\/nix\/store\/\S+)$/.exec(line) ?? []
    if (path !== undefined && list) list.push(parseStorePath(path, 'what Nix lists'))
    else if (path !== undefined) unexplained.push(path)
    else if (/^(this|these) .*derivations? will be built/.test(line)) list = toBuild
    else if (/^(this|these) .*paths? will be fetched/.test(line)) list = toFetch
    else if (/^don't know how to build (this|these) paths?/.test(line)) list = []
    else list = undefined
  }
  await nix('nix-store', ['--realise', '--dry-run', derivation], { onLine, quiet: true }).catch((error) => {
    throw explainNix(error, 'The packages cannot be built')
  })
  if (unexplained.length > 0) throw new Error(`Nix lists ${unexplained.join(' ')}, and does not say what for`)
  return { toBuild, toFetch }
}
