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

/** What builders print is not for everybody's log; without it, Nix puts its end into the error. */
const quiet = ['--no-build-output', '--option', 'log-lines', '20']

/** In bytes; 20,000 paths, each with 100 references, need a third of it. */
const limit = 500_000_000

/**
 * Brings into the store what an image is made of, and reads what its derivation says: what substituters have is
 * fetched, the rest is built as the input `sandbox` says. A link in `temporary` keeps all of it from being collected
 * until the run ends. Throws a `UserError` with the end of the log if something does not build, one that names it if it
 * may not be built, and one if the description is not what Nix's database says.
 */
export const realiseImage = async (
  image: EvaluatedImage,
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

/** Nothing is left to be built when it returns. */
const realiseApart = async (
  image: EvaluatedImage,
  access: NixAccess,
  job: Pick<Job, 'signal' | 'temporary'>,
): Promise<void> => {
  const { nix } = access
  const { derivation } = image
  const { toBuild, toFetch } = await missing(nix, derivation)
  // By their names, and not by what would build them: Nix builds nothing then.
  for (let start = 0; start < toFetch.length; start += perProcess)
    await realise(nix, ...toFetch.slice(start, start + perProcess))
  if (toBuild.length === 0) return checkDescribed(derivation, nix)
  await using builders = await openBuilders(access, job)
  if ('nix' in builders) await realise(builders.nix, derivation, ...quiet)
  else await describeWithoutSandbox(image, builders.refused, access)
}

/**
 * The one derivation that is built where nothing else may be: our own, with the tools of the package set, and these
 * only as somebody has signed them whom Nix's settings name.
 */
const describeWithoutSandbox = async (
  { derivation, tools }: EvaluatedImage,
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

/** What Nix prints for people is not believed: without a build, the description is in the store or cannot be made. */
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
 * What is not in the store: derivations that no substituter has the outputs of, and paths that one has. Throws an
 * `Error` at a list of something else, since what is to be built might be in it.
 */
const missing = async (
  nix: Nix,
  derivation: StorePath,
): Promise<{ readonly toBuild: readonly StorePath[]; readonly toFetch: readonly StorePath[] }> => {
  const toBuild: StorePath[] = []
  const toFetch: StorePath[] = []
  const unexplained: string[] = []
  let list: StorePath[] | undefined
  // Both of Nix's versions print this for people only. A list has two spaces before each path.
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
