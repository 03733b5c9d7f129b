import { expect, test } from 'vitest'
import { CommandError } from '../../src/lib/command.ts'
import { advice } from '../../src/nix/advice.ts'
import { explainNix } from '../../src/nix/explain.ts'

const drv = '/nix/store/9swmbci6pspkw7balzy9b6mbvhvwrk6r-hello-1.0.drv'

/** The messages of Nix 2.8 or 2.34 for each row of the advice, in its order. */
const said: readonly (readonly string[])[] = [
  [`hash mismatch in fixed-output derivation '${drv}':\n         specified: sha256-A\n            got:    sha256-B`],
  [
    "hash mismatch in file downloaded from 'https://host/x.tar.gz':\n         specified: sha256:0\n         got:       sha256:1",
    "NAR hash mismatch in input 'https://host/x.tar.gz'",
  ],
  [
    "unable to download 'https://host/x.tar.gz': HTTP error 404",
    "unable to download 'https://host/x.tar.gz': HTTP error 403",
    "unable to download 'https://host/x.tar.gz': HTTP error 401",
  ],
  [
    `a 'aarch64-linux' with features {} is required to build '${drv}', but I am a 'x86_64-linux' with features {kvm}`,
    `Cannot build '${drv}'.\n       Reason: required system or feature not available\n       Required system: 'aarch64-linux' with features {}\n       Current system: 'x86_64-linux' with features {kvm}`,
  ],
  [
    "unable to download 'http://127.0.0.1:1/x.tar.gz': Couldn't connect to server (7)",
    "program 'git' failed: Could not resolve host: host.example",
    'cannot connect to socket: Connection refused',
    'the operation timed out',
  ],
  ["the group 'nixbld' specified in 'build-users-group' does not exist"],
  [
    "illegal configuration line 'foo' in '/tmp/nix.conf'",
    "setting 'cores' has invalid value 'many'",
    "unknown setting 'no-such'",
    "syntax error in configuration file '/tmp/nix.conf'",
  ],
  ["attribute 'currentSystem' missing"],
  [
    "access to absolute path '/etc/passwd' is forbidden in pure eval mode (use '--impure' to override)",
    "access to path '/etc' is forbidden in restricted mode",
    "in pure evaluation mode, 'fetchTarball' requires a 'sha256' argument",
    "cannot look up '<nixpkgs>' in pure evaluation mode (use '--impure' to override)",
    "attribute 'currentTime' missing",
  ],
  ["evaluation aborted with the following error message: '\n       This version of Nixpkgs requires Nix >= 2.3"],
  ['load-pkgs: the source has a flake.nix and no default.nix'],
  ["function 'anonymous lambda' called with unexpected argument 'overlays'"],
  [`cannot build '${drv}' during evaluation because the option 'allow-import-from-derivation' is disabled`],
]

/** Outcomes of a program, which are not in its output. */
const outcomes: readonly string[] = ['more than 8 MB of output']

const explained = (stderr: string, outcome: string | number = 1): string => {
  const error = explainNix(new CommandError('nix-store', outcome, stderr), 'It fails')
  return error instanceof Error ? error.message : ''
}

test.each(
  advice.map(([, hint], row) => ({
    hint,
    samples: said[row] ?? [],
    outcome: outcomes[row - said.length],
  })),
)('$hint', ({ hint, samples, outcome }) => {
  // This fails for a row without a case.
  expect(samples.length + (outcome ? 1 : 0)).toBeGreaterThan(0)
  for (const sample of samples) expect(explained(`error: ${sample}\n`)).toMatch(endsWith(hint))
  if (outcome) expect(explained('', outcome)).toMatch(endsWith(hint))
})

const endsWith = (hint: string): RegExp => new RegExp(`; ${hint.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\.$`)

test('no case is left without a row, and what fits none sends to the log', () => {
  expect(said.length + outcomes.length).toBe(advice.length)
  expect(explained('error: something else\n')).toBe('It fails: something else; see the log above.')
})

test('each part of a pattern is needed by a case', () => {
  for (const [row, [pattern]] of advice.entries()) {
    const samples = [...(said[row] ?? []), outcomes[row - said.length] ?? ''].map((text) => explained(`error: ${text}`))
    for (const part of pattern.source.split('|'))
      if (!/[()[\]]/.test(part))
        expect(
          samples.some((text) => new RegExp(part, pattern.flags).test(text)),
          `${pattern}: ${part}`,
        ).toBe(true)
  }
})
