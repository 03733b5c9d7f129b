import { stripVTControlCharacters } from 'node:util'
import { CommandError } from '../lib/command.ts'
import { UserError } from '../lib/error.ts'
import { shortened } from '../lib/shortened.ts'

/** Messages of Nix, each with advice. The first row that matches is used. */
export const advice: readonly (readonly [RegExp, string])[] = [
  [/has an unfree license/, 'set `nixpkgs-config: { "allowUnfree": true }` if you may use it'],
  [/is marked as (insecure|broken)/, 'choose another version, or allow it in `nixpkgs-config`'],
  [/hash mismatch in fixed-output/, 'what the package set fetches has changed; update its hash there'],
  [/hash mismatch/i, 'check the hash in `nixpkgs`'],
  [/HTTP error 40[134]/, 'check that `nixpkgs` names something that is there and may be read'],
  [
    /is required to build|[Rr]equired system/,
    'build on a runner of that architecture, or name a substituter that has it in `nix-config`',
  ],
  [
    /unable to download|Could not resolve|Connection refused|timed out/i,
    'check the host in `nixpkgs`, or in `substituters` of `nix-config`, or run the job again',
  ],
  [/configuration line|unknown setting|has invalid value|in configuration/, 'check `nix-config`'],
  [
    /is forbidden in (pure|restricted)|in pure evaluation mode|cannot look up/i,
    'evaluation is pure: the package set may read nothing but its own files',
  ],
  [
    /called with unexpected argument/,
    'let the default.nix of the package set take `{ system, config, overlays, ... }`',
  ],
  [/import-from-derivation/i, 'evaluation builds nothing; generate the Nix file and commit it'],
  [/MB of output/, 'check what the package set has under these names; it is more than names'],
]

/**
 * Turns a failure of Nix into a `UserError` with Nix's message, the end of a failed build's log, and advice. Returns
 * another error as it is. `doing` says what failed, as in "The packages cannot be evaluated".
 */
export const explainNix = (error: unknown, doing: string): unknown => {
  if (!(error instanceof CommandError)) return error
  const faults = faultsIn(error.stderr)
  const build = faults.find(isFailedBuild)
  const said = faults[0] ? describe(faults[0]) : error.message
  const message = build
    ? describeBuild(build)
    : `${doing}: ${packageIn(error.stderr)}${shortened(said, 1_500)}${shortened(gitReason(said, error.stderr), 500)}`
  if (build && !isAboutMachine(build))
    return new UserError(`${message}\nFix that package, or leave it out of \`packages\`.`, { cause: error })
  const [, hint = 'see the log above'] = advice.find(([pattern]) => pattern.test(message)) ?? []
  return new UserError(`${message}; ${hint}.`, { cause: error })
}

/** The package that was being evaluated. `nix/build-image.nix` adds its name to the trace. */
const packageIn = (stderr: string): string => {
  const [, name] = /while evaluating the package '([^'$]+)'/.exec(stripVTControlCharacters(stderr)) ?? []
  return name ? `package ${shortened(name, 200)}: ` : ''
}

/** Nix's message says only that git failed. The message of git itself comes before it. */
const gitReason = (said: string, stderr: string): string => {
  const [, reason] = said.includes("program 'git' failed") ? (/^(?:fatal|error): (.*)$/m.exec(stderr) ?? []) : []
  return reason ? ` (${reason})` : ''
}

/** The errors in Nix's output, each with its lines. Errors that only say that a dependency failed are left out. */
const faultsIn = (stderr: string): string[][] => {
  const faults: string[][] = []
  for (const line of stripVTControlCharacters(stderr).split('\n'))
    if (/^\s*error: \S/.test(line)) faults.push([line.replace(/^\s*error: /, '')])
    else faults.at(-1)?.push(line)
  return faults.filter(
    ([first = '', second = '']) =>
      !/^(\d+ dependenc|build of |some substitutes)/.test(first) && !/Reason: \d+ dependenc/.test(second),
  )
}

/** Nix 2.8 writes `builder for '…' failed …`, and 2.30 `Cannot build '…'.` and the reason on the next line. */
const isFailedBuild = ([first = '']: readonly string[]): boolean => /^(builder for|Cannot build) '/.test(first)

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

/** The message up to the trace, on one line. */
const describe = (fault: readonly string[]): string => {
  const end = fault.findIndex(
    (line, index) => index > 0 && (line.trim() === '' || /^\s*(at |… |\(use '--show)/.test(line)),
  )
  return fault
    .slice(0, end < 0 ? undefined : end)
    .map((line) => line.trim())
    .join(' ')
    .replace(/ \(use '--(show-trace|impure)' .*\)$/, '')
    .replaceAll(/\/nix\/store\/\w{32}-/g, '')
    .replace(/[.:]$/, '')
}
