import { resolve } from 'node:path'
import type { Compression } from '../archive/compression.ts'
import type { CacheMode } from '../cache/cache-use.ts'
import type { Preset } from '../image/base-layer.ts'
import type { RequestedConfiguration } from '../image/configuration.ts'
import { isRecord } from '../lib/check.ts'
import { UserError } from '../lib/error.ts'
import type { InstallMode } from '../nix/find.ts'
import type { ReleaseReference } from '../nix/release.ts'
import type { SandboxMode } from '../nix/sandbox.ts'
import type { SigningKey } from '../nix/signing-key.ts'
import type { SourceReference } from '../nix/source-reference.ts'
import { isPlatform, type Platform, platforms } from '../oci/platform.ts'
import type { Repository } from '../oci/reference.ts'
import type { Credentials } from '../registry/login.ts'
import { parseConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { parseCredentials, parseTokenHosts } from './credentials.ts'
import { parseDestination } from './destination.ts'
import { parseRelease } from './nix.ts'
import { parseOutput } from './output.ts'
import { parsePackages } from './packages.ts'
import type { GetInput, Problem } from './problem.ts'
import { parseSigningKey } from './signing-key.ts'
import { parseSource } from './source.ts'

/** The inputs, read and checked, with defaults filled in. */
export type Inputs = {
  readonly packages: readonly string[]
  readonly source: SourceReference
  readonly nixpkgsConfig: Readonly<Record<string, unknown>>
  readonly platforms: readonly Platform[]
  readonly repository: Repository
  readonly tags: readonly string[]
  readonly push: 'auto' | 'true' | 'false'
  /** Absolute. */
  readonly output: string | undefined
  readonly credentials: Credentials | undefined
  readonly tokenHosts: readonly string[]
  readonly githubToken: string | undefined
  readonly preset: Preset
  readonly configuration: RequestedConfiguration
  readonly maxLayers: number
  readonly layering: 'stable' | 'popularity'
  /** An absolute path. */
  readonly popularity: string | undefined
  readonly compression: Compression
  readonly sbom: boolean
  readonly cache: CacheMode
  readonly reuse: 'true' | 'registry' | 'false'
  readonly signingKey: SigningKey | undefined
  readonly nix: {
    readonly install: InstallMode
    readonly sandbox: SandboxMode
    readonly release: ReleaseReference
    readonly config: string
  }
}

/** Reads all inputs. Throws one `UserError` with all problems, a line each, so that one run shows all of them. */
export const readInputs = (get: GetInput, context: Context): Inputs => {
  const problems: string[] = []
  const problem: Problem = (sentence) => problems.push(sentence)

  const inputs: Inputs = {
    packages: parsePackages(get('packages'), problem),
    source: parseSource(get('nixpkgs'), context.workspace, problem),
    nixpkgsConfig: parseConfig(get('nixpkgs-config'), problem),
    platforms: parsePlatforms(get('platforms'), context.platform, problem),
    ...parseDestination(get('image'), get('tags'), context, problem),
    push: choice(get, 'push', ['auto', 'true', 'false'], problem),
    output: parseOutput(get('output'), context.workspace, problem),
    credentials: parseCredentials(get('username'), get('password'), problem),
    tokenHosts: parseTokenHosts(get('token-hosts'), problem),
    githubToken: get('github-token') || undefined,
    preset: choice(get, 'preset', ['default', 'bare', 'job-container'], problem),
    configuration: parseConfiguration(get, problem),
    maxLayers: wholeNumber(get, 'max-layers', 3, 127, problem),
    layering: choice(get, 'layering', ['stable', 'popularity'], problem),
    popularity: fromWorkspace(get('popularity'), context.workspace),
    compression: parseCompression(get, problem),
    sbom: choice(get, 'sbom', ['true', 'false'], problem) === 'true',
    cache: choice(get, 'cache', ['true', 'read', 'write', 'false'], problem),
    reuse: choice(get, 'reuse', ['true', 'registry', 'false'], problem),
    signingKey: parseSigningKey(get('cache-signing-key'), problem),
    nix: {
      install: choice(get, 'install-nix', ['auto', 'always', 'never'], problem),
      sandbox: choice(get, 'sandbox', ['auto', 'require', 'off'], problem),
      release: parseRelease(get, problem),
      config: get('nix-config'),
    },
  }
  if (inputs.popularity && inputs.layering !== 'popularity')
    problem('`popularity` is given, but only `layering: popularity` uses it; write that too, or leave it out.')
  if (inputs.nix.install === 'never' && (inputs.nix.release.version || inputs.nix.release.url))
    problem('`nix-version` or `nix-url` is given, but `install-nix` is `never`; leave one of them out.')
  if (inputs.preset === 'job-container' && inputs.configuration.user)
    problem(
      '`user` is given, but jobs in a container of `preset: job-container` run as root, whose files the runner writes; leave one of them out.',
    )
  if (inputs.preset === 'job-container') checkVariables(inputs.configuration.env, problem)

  if (problems.length > 0) throw new UserError(problems.join('\n'))
  return inputs
}

/** With these variables, `preset: job-container` finds its loader and the runner finds the programs that it starts. */
const checkVariables = (env: RequestedConfiguration['env'], problem: Problem): void => {
  for (const name of Object.keys(env).filter((name) => name === 'LD_LIBRARY_PATH' || name.startsWith('NIX_LD')))
    problem(
      `\`env\` has ${name}, by which \`preset: job-container\` would break the runner's Node.js; set it for the steps that need it.`,
    )
  const path = env['PATH']
  if (path !== undefined && !path.split(':').includes('/bin'))
    problem(
      `\`env\` has PATH without /bin, where \`preset: job-container\` has its programs; write it too, as in \`PATH=/opt/bin:/bin:/sbin:/usr/bin\`.`,
    )
}

const choice = <T extends string>(get: GetInput, name: string, choices: readonly [T, ...T[]], problem: Problem): T => {
  const value = get(name)
  const chosen = choices.find((candidate) => candidate === value)
  if (!chosen) problem(`\`${name}\` is ${JSON.stringify(value)}; write ${oneOf(choices)}.`)
  return chosen ?? choices[0]
}

const oneOf = (choices: readonly string[]): string =>
  choices
    .map((value, index) => `${index === 0 ? '' : index === choices.length - 1 ? ' or ' : ', '}\`${value}\``)
    .join('')

const wholeNumber = (get: GetInput, name: string, least: number, most: number, problem: Problem): number => {
  const value = get(name)
  const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN
  if (number >= least && number <= most) return number
  problem(`\`${name}\` is ${JSON.stringify(value)}; write a whole number from ${least} to ${most}.`)
  return least
}

const parseConfig = (text: string, problem: Problem): Record<string, unknown> => {
  try {
    const config: unknown = JSON.parse(text)
    if (isRecord(config)) return config
  } catch {
    // The problem is reported below, as for JSON that is no object.
  }
  problem(
    `\`nixpkgs-config\` is ${JSON.stringify(text)}; write a JSON object in quotes, as in \`nixpkgs-config: '{ "allowUnfree": true }'\`.`,
  )
  return {}
}

const parsePlatforms = (text: string, runner: Platform, problem: Problem): Platform[] => {
  const names = text.split(/[\s,]+/).filter((name) => name !== '')
  for (const name of names)
    if (!isPlatform(name)) problem(`\`platforms\` has ${JSON.stringify(name)}; write ${oneOf(platforms)}, or both.`)
  return names.length > 0 ? platforms.filter((platform) => names.includes(platform)) : [runner]
}

const fromWorkspace = (text: string, workspace: string): string | undefined => {
  return text ? resolve(workspace, text) : undefined
}

/** The highest level of each compressor, and the one that `auto` means, see docs/decisions/0004-level.md. */
const levels = { gzip: { most: 9, auto: 5 }, zstd: { most: 19, auto: 3 } } as const

const parseCompression = (get: GetInput, problem: Problem): Compression => {
  const algorithm = choice(get, 'compression', ['gzip', 'zstd', 'none'], problem)
  const level = get('compression-level')
  if (algorithm === 'none') {
    if (level !== 'auto')
      problem(`\`compression-level\` is ${JSON.stringify(level)}; with \`compression: none\`, leave it at \`auto\`.`)
    return { algorithm, level: 0 }
  }
  const { most, auto } = levels[algorithm]
  if (level === 'auto') return { algorithm, level: auto }
  const number = /^\d{1,2}$/.test(level) ? Number(level) : 0
  if (number < 1 || number > most)
    problem(`\`compression-level\` is ${JSON.stringify(level)}; write \`auto\`, or 1 to ${most} for \`${algorithm}\`.`)
  return { algorithm, level: number }
}
