import { stripVTControlCharacters } from 'node:util'
import { UserError } from '../error.ts'
import { CommandError } from './command.ts'

/** What Nix says, and what to do about it. The first row that fits is used. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/has an unfree license/, 'set `nixpkgs-config: { "allowUnfree": true }` if you may use it'],
  [/is marked as (insecure|broken)/, 'choose another version, or allow it in `nixpkgs-config`'],
  [/hash mismatch|NAR hash mismatch/, 'check the hash in `nixpkgs`'],
  [
    /is required, but I am a|platform mismatch/,
    'build on a runner of that architecture, or use a substituter that has it',
  ],
  [
    /unable to download|Could not resolve|Connection refused|timed out/i,
    'run the job again, or check `substituters` in `nix-config`',
  ],
  [/syntax error in configuration|unknown setting|unrecognised/, 'check `nix-config`'],
  [
    /is forbidden in (pure|restricted)|not allowed in pure|in pure evaluation mode|cannot look up/i,
    'evaluation is pure: the package set may read nothing but its own files',
  ],
  [
    /import from derivation|allow-import-from-derivation/i,
    'evaluation builds nothing; generate the Nix file and commit it',
  ],
]

/**
 * A failure of Nix as a `UserError`: what Nix said, the end of a failed build's log, and what to do. Anything else is
 * returned as it is. `doing` says what failed, as in "The packages cannot be evaluated".
 */
export const explainNix = (error: unknown, doing: string): unknown => {
  if (!(error instanceof CommandError)) return error
  const failed = failedBuild(error.stderr)
  if (failed) return new UserError(`${failed}\nFix that package, or leave it out of \`packages\`.`, { cause: error })
  const message = lastMessage(error.stderr) ?? error.message
  const [, hint = 'see the log above'] = advice.find(([pattern]) => pattern.test(message)) ?? []
  return new UserError(`${doing}: ${message.replace(/[.:]$/, '')}; ${hint}.`, { cause: error })
}

/** Nix 2.8 writes `builder for '…' failed …`, and 2.30 `Cannot build '…'.` and the reason on the next line. */
const failedBuild = (stderr: string): string | undefined => {
  const lines = stripVTControlCharacters(stderr).split('\n')
  const start = lines.findIndex((line) => /error: (builder for|Cannot build) '/.test(line))
  if (start < 0) return undefined
  const text = lines.slice(start)
  const derivation = /'\/nix\/store\/\w{32}-(.*?)\.drv'/.exec(text[0] ?? '')?.[1]
  const reason = text.find((line) => /failed with|failed due|reason:/i.test(line)) ?? ''
  const log = text.filter((line) => /^\s*> /.test(line)).map((line) => line.trimStart())
  const exitCode = /exit code (\d+)/.exec(reason)?.[1]
  const sentence = `The derivation ${derivation} does not build${exitCode ? ` (exit code ${exitCode})` : ''}`
  return log.length > 0 ? `${sentence}; its log ends with:\n${log.join('\n')}` : `${sentence}.`
}

/** The innermost of Nix's messages; the trace that leads to it is in the log. */
const lastMessage = (stderr: string): string | undefined => {
  const lines = stripVTControlCharacters(stderr).split('\n')
  const start = lines.findLastIndex((line) => /^\s*error: \S/.test(line))
  if (start < 0) return undefined
  const end = lines.findIndex((line, index) => index > start && (line.trim() === '' || /^\s*(at |… )/.test(line)))
  return lines
    .slice(start, end < 0 ? undefined : end)
    .map((line) => line.trim())
    .join(' ')
    .replace(/^error: /, '')
    .replace(/ \(use '--show-trace' .*\)$/, '')
    .replaceAll(/\/nix\/store\/\w{32}-/g, '')
}
