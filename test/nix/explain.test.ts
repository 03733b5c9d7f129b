import { describe, expect, test } from 'vitest'
import { CommandError } from '../../src/lib/command.ts'
import { UserError } from '../../src/lib/error.ts'
import { explainNix } from '../../src/nix/explain.ts'

/** The message to the user when Nix fails with this on standard error. */
const explained = (stderr: string): string => {
  const cause = new CommandError('nix-store', 1, stderr)
  const error = explainNix(cause, 'The packages cannot be had')
  expect(error).toBeInstanceOf(UserError)
  expect((error as UserError).cause).toBe(cause)
  return (error as UserError).message
}

const pure = 'evaluation is pure: the package set may read nothing but its own files'
const drv = '/nix/store/9swmbci6pspkw7balzy9b6mbvhvwrk6r-hello-1.0.drv'

describe('what Nix says when it evaluates is what the user reads, with what to do', () => {
  test.each<[string, string, string]>([
    [
      'a package set throws',
      `error: hello was removed; use tree
`,
      'hello was removed; use tree; see the log above',
    ],
    [
      'a package set throws, told by Nix 2.30 with its trace',
      `error:
       … while evaluating the attribute 'drvPath'
         at /nix/store/1531bhdv8d2mc47wf0sic31w4jba8rnj-source/default.nix:3:5:
            2| let
            3|     hello = throw "hello was removed";
             |     ^
       … caused by explicit throw
       (stack trace truncated; use '--show-trace' to show the full, detailed trace)

       error: hello was removed; use tree
`,
      'hello was removed; use tree; see the log above',
    ],
    [
      'a licence is not free',
      `error: Package ‘steam-1’ in /nix/store/1531bhdv8d2mc47wf0sic31w4jba8rnj-source/steam.nix:3 has an unfree license (‘unfree’), refusing to evaluate.

       a) To temporarily allow unfree packages, you can use an environment variable
          for a single invocation of the nix tools.

            $ export NIXPKGS_ALLOW_UNFREE=1
`,
      'Package ‘steam-1’ in source/steam.nix:3 has an unfree license (‘unfree’), refusing to evaluate; write `nixpkgs-config: \'{ "allowUnfree": true }\'` if you may use it',
    ],
    [
      'a package is insecure',
      `error: Package ‘openssl-1.1.1w’ in /nix/store/1531bhdv8d2mc47wf0sic31w4jba8rnj-source/openssl.nix:9 is marked as insecure, refusing to evaluate.
`,
      'Package ‘openssl-1.1.1w’ in source/openssl.nix:9 is marked as insecure, refusing to evaluate; choose another version, or write `nixpkgs-config: \'{ "permittedInsecurePackages": ["openssl-1.1.1w"] }\'` if you accept the risk',
    ],
    [
      'nothing answers',
      `warning: error: unable to download 'http://127.0.0.1:1/x.tar.gz': Couldn't connect to server (7); retrying in 324 ms
warning: error: unable to download 'http://127.0.0.1:1/x.tar.gz': Couldn't connect to server (7); retrying in 687 ms
error: unable to download 'http://127.0.0.1:1/x.tar.gz': Couldn't connect to server (7)
`,
      "unable to download 'http://127.0.0.1:1/x.tar.gz': Couldn't connect to server (7); check the host in `nixpkgs`, or in `substituters` of `nix-config`, or run the job again",
    ],
    [
      'something is fetched without a hash',
      `error: in pure evaluation mode, 'fetchTarball' requires a 'sha256' argument
`,
      `in pure evaluation mode, 'fetchTarball' requires a 'sha256' argument; ${pure}`,
    ],
    [
      'something is built to be evaluated',
      `error: cannot build '/nix/store/wwa97i27j0xsl2lkg4k6zvhqgi4nsrq9-x.drv' during evaluation because the option 'allow-import-from-derivation' is disabled
(use '--show-trace' to show detailed location information)
`,
      "cannot build 'x.drv' during evaluation because the option 'allow-import-from-derivation' is disabled; evaluation builds nothing; generate the Nix file and commit it",
    ],
    [
      'a file has an error',
      `error: syntax error, unexpected ';'

       at /nix/store/1531bhdv8d2mc47wf0sic31w4jba8rnj-source/default.nix:1:7:

            1| { a = ; }
             |       ^
`,
      "syntax error, unexpected ';'; see the log above",
    ],
    ['it says nothing', '', 'nix-store ended with exit code 1; see the log above'],
  ])('where %s', (_, stderr, said) => {
    expect(explained(stderr)).toBe(`The packages cannot be had: ${said}.`)
  })

  test('where the hash of the source is wrong, with both hashes', () => {
    const said =
      explained(`error: hash mismatch in file downloaded from 'https://github.com/NixOS/nixpkgs/archive/755f.tar.gz':
         specified: sha256:0000000000000000000000000000000000000000000000000000
         got:       sha256:0ng6lb18dijfhlc9gmmq2c30fr2ms5sgl1glqkd07rkqi31x28bz
(use '--show-trace' to show detailed location information)
`)
    expect(said).toMatch(
      /^The packages cannot be had: hash mismatch in file downloaded from 'https:\S+755f\.tar\.gz': /,
    )
    expect(said).toMatch(/specified: sha256:0{52} .*got: +sha256:0ng6\w{48}; check the hash in `nixpkgs`\.$/)
  })

  test('where something is looked up on the machine', () => {
    const said = explained(`error: cannot look up '<nixpkgs>' in pure evaluation mode (use '--impure' to override)

       at «string»:1:8:

            1| import <nixpkgs> {}
             |        ^
(use '--show-trace' to show detailed location information)
`)
    expect(said).toMatch(/^The packages cannot be had: cannot look up '<nixpkgs>' in pure evaluation mode/)
    expect(said).toContain(`; ${pure}.`)
    expect(said).not.toContain('--show-trace')
  })
})

const log = ['configuring', 'error: no compiler']
const withLog = `The derivation hello-1.0 does not build (exit code 3); its log ends with:
> configuring
> error: no compiler
Fix that package, or leave it out of \`packages\`.`

/** Nix 2.8 with a daemon. Without a daemon, it quotes the log only on request. */
const nix28 = `this derivation will be built:
  ${drv}
building '${drv}'...
${log.join('\n')}
error: builder for '${drv}' failed with exit code 3;
       last 2 log lines:
       > configuring
       > error: no compiler
       For full logs, run 'nix log ${drv}'.
`

/** The format since Nix 2.30. */
const nix230 = `building '${drv}'...
error: Cannot build '${drv}'.
       Reason: builder failed with exit code 3.
       Output paths:
         /nix/store/76asfbw8gpwh58wszz123cc0ncyzv95h-hello-1.0
       Last 2 log lines:
       > configuring
       > error: no compiler
       For full logs, run:
         nix log ${drv}
`

const dependents = [
  `error: 1 dependencies of derivation '/nix/store/qki11w8msfbg8z6lmihjwrw3cnd0yqlj-image.drv' failed to build
`,
  `error: Cannot build '/nix/store/qki11w8msfbg8z6lmihjwrw3cnd0yqlj-nix-image.drv'.
       Reason: 1 dependency failed.
       Output paths:
         /nix/store/76asfbw8gpwh58wszz123cc0ncyzv95h-nix-image
`,
] as const

const mismatch = `error: hash mismatch in fixed-output derivation '/nix/store/qfnif1p7i9d4pziby6h4sxm5cpy9i94h-fixed.drv':
         specified: sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
            got:    sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=
`

describe('a derivation that does not build is told by its name, with the end of its log,', () => {
  test.each<[string, string]>([
    ['by Nix 2.8', nix28],
    ['by Nix 2.8, where another one waits for it', nix28 + dependents[0]],
    ['by Nix 2.30', nix230],
    ['by Nix 2.30, where another one waits for it', nix230 + dependents[1]],
    ['by a Nix that writes in colours', nix230.replaceAll('error: Cannot', '\u001b[31;1merror:\u001b[0m Cannot')],
  ])('%s', (_, stderr) => {
    expect(explained(stderr)).toBe(withLog)
  })

  test('or without one, where nothing was logged', () => {
    expect(explained(`error: builder for '${drv}' failed with exit code 1\n`)).toBe(
      'The derivation hello-1.0 does not build (exit code 1).\nFix that package, or leave it out of `packages`.',
    )
  })

  test.each([
    ['signal 9 (Killed)', `error: builder for '${drv}' failed due to signal 9 (Killed)\n`],
    ['signal 9 (Killed)', `error: Cannot build '${drv}'.\n       Reason: builder failed due to signal 9 (Killed).\n`],
    ["output 'out'", `error: builder for '${drv}' failed to produce output path for output 'out' at '/nix/store/x'\n`],
  ])('or with what happened (%s), where there was no exit code', (reason, stderr) => {
    expect(explained(stderr)).toContain(reason)
  })
})

describe('what went wrong first is told, not what waited for it:', () => {
  test.each(dependents)('a hash that is not that of the file, before %j', (dependent) => {
    expect(explained(mismatch + dependent)).toMatch(/hash mismatch in fixed-output derivation 'fixed\.drv'/)
  })
})

describe('what to do is told where', () => {
  test.each([
    `error: a 'aarch64-linux' with features {} is required to build '${drv}', but I am a 'x86_64-linux' with features {kvm}\n`,
    `error: Cannot build '${drv}'.
       Reason: required system or feature not available
       Required system: 'aarch64-linux' with features {}
       Current system: 'x86_64-linux' with features {kvm}\n`,
  ])('this machine cannot build: %s', (stderr) => {
    expect(explained(stderr)).toContain('build on a runner of that architecture')
  })

  test.each([
    "error: illegal configuration line 'foo' in '/tmp/nix.conf'\nTry 'nix-store --help' for more information.\n",
    "error: setting 'cores' has invalid value 'many'\nTry 'nix-store --help' for more information.\n",
  ])('the configuration is wrong: %s', (stderr) => {
    expect(explained(stderr)).toMatch(/check `nix-config`\.$/)
  })
})

test.each([new Error('no space left'), new UserError('another mistake'), 'text', undefined])(
  'what is no failure of Nix stays what it is: %s',
  (error) => {
    expect(explainNix(error, 'The packages cannot be had')).toBe(error)
  },
)
