import { stripVTControlCharacters } from 'node:util'
import { CommandError } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { shortened } from '../lib/shortened.ts'
import { adviceFor } from './advice.ts'
import { errorsIn, type NixError } from './error-output.ts'
import { refusalIn, writtenConfig } from './refusals.ts'

/**
 * Turns a failure of Nix into a `UserError` with Nix's message, the end of a failed build's log, and advice. Returns
 * another error as it is. `doing` says what failed, as in "The packages cannot be evaluated".
 */
export const explainNix = (error: unknown, doing: string): unknown => {
  if (!(error instanceof CommandError)) return error
  const { build, attr, said, message } = explained(error)
  if (build?.isPackages)
    return new UserError(`${build.said}\nFix that package, or leave it out of \`packages\`.`, { cause: error })
  const sentence = build?.said ?? `${doing}: ${attr === undefined ? '' : `package ${shortened(attr, 200)}: `}${said}`
  const refusal = refusalIn(message)
  const hint = refusal?.advice(writtenConfig({}, refusal.settings.at(-1) ?? {})) ?? adviceFor(sentence)
  return new UserError(`${sentence}; ${hint ?? 'see the log above'}.`, { cause: error })
}

/**
 * What Nix said when it failed. `attr` is the package that it was evaluating, if any. `said` is the message on one
 * line, without its trace and what nixpkgs advises, and `message` all of it. `build` is about a derivation that does
 * not build.
 */
export type Explained = {
  readonly attr: string | undefined
  readonly said: string
  readonly message: string
  readonly build: { readonly said: string; readonly isPackages: boolean } | undefined
}

/** A package set may throw a text of any length, in characters. */
const longestMessage = 20_000

export const explained = (error: CommandError): Explained => {
  const faults = errorsIn(error.stderr).filter((fault) => !isDependent(fault))
  const built = faults.find(isFailedBuild)
  const said = faults[0] ? describe(faults[0]) : error.message
  return {
    attr: packageIn(error.stderr),
    said: `${shortened(said, 1_500)}${shortened(gitReason(said, error.stderr), 500)}`,
    message: (faults[0]?.message.join('\n') ?? '').slice(0, longestMessage),
    build: built && { said: describeBuild(built.message), isPackages: !isAboutMachine(built.message) },
  }
}

/** The package that was being evaluated. `nix/build-image.nix` adds the name that was asked for to the trace. */
const packageIn = (stderr: string): string | undefined =>
  /^\s*… while evaluating the package '(.+)'$/m.exec(stripVTControlCharacters(stderr))?.[1]

/** Nix's message says only that git failed. The message of git itself comes before it. */
const gitReason = (said: string, stderr: string): string => {
  const [, reason] = said.includes("program 'git' failed") ? (/^(?:fatal|error): (.*)$/m.exec(stderr) ?? []) : []
  return reason ? ` (${reason})` : ''
}

/** An error that only says that a dependency failed. */
const isDependent = ({ message: [first = '', second = ''] }: NixError): boolean =>
  /^(\d+ dependenc|build of |some substitutes)/.test(first) || /Reason: \d+ dependenc/.test(second)

/** Nix 2.8 writes `builder for '…' failed …`, and 2.30 `Cannot build '…'.` and the reason on the next line. */
const isFailedBuild = ({ message: [first = ''] }: NixError): boolean => /^(builder for|Cannot build) '/.test(first)

const isAboutMachine = (fault: readonly string[]): boolean => fault.some((line) => /Required system/.test(line))

const describeBuild = (fault: readonly string[]): string => {
  const [first = '', second = ''] = fault
  const derivation = /'\/nix\/store\/\w{32}-(.*?)\.drv'/.exec(first)?.[1]
  if (isAboutMachine(fault)) {
    const [required, current] = fault.filter((line) => /system: /.test(line)).map((line) => line.trim())
    return `The derivation ${derivation} cannot be built here (${required}; ${current})`
  }
  const text = first.startsWith('builder for')
    ? first.slice(first.indexOf("' ") + 2)
    : second.replace(/^\s*Reason: builder /, '')
  const reason = /exit code \d+/.exec(text)?.[0] ?? text.replace(/ at '.*|[.;:]$/g, '')
  const log = fault.filter((line) => /^\s*> /.test(line)).map((line) => shortened(line.trimStart(), 150))
  const sentence = `The derivation ${derivation} does not build (${shortened(reason, 200)})`
  return log.length > 0 ? `${sentence}; its log ends with:\n${log.join('\n')}` : `${sentence}.`
}

/** The first paragraph of the message on one line, without what nixpkgs advises, which is for other ways to use it. */
const describe = ({ message }: NixError): string => {
  const aborted = /^evaluation aborted with the following error message: '/
  const isAborted = aborted.test(message[0] ?? '')
  const lines = message.map((line, index) => (index === 0 && isAborted ? line.replace(aborted, '') : line).trim())
  const start = lines.findIndex((line) => line !== '' && line !== "'")
  const paragraph = lines.slice(Math.max(start, 0))
  const end = paragraph.findIndex(
    (line, index) => index > 0 && /^$|^a\) To temporarily|^hostPlatform\.|^See also |^\(use '--show/.test(line),
  )
  return paragraph
    .slice(0, end < 0 ? undefined : end)
    .join(' ')
    .replace(/ \(use '--(show-trace|impure)' .*\)$/, '')
    .replaceAll(/\/nix\/store\/\w{32}-/g, '')
    .replace(isAborted ? /'$/ : /^$/, '')
    .trimEnd()
    .replace(/[.:]$/, '')
}
