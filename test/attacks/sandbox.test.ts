import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { type HostileJob, hostileJob } from '../support/hostile-set.ts'
import { restricted } from '../support/restricted-machine.ts'

type Options = { readonly wrapper?: readonly string[]; readonly bash?: string; readonly config?: string }

/**
 * Runs the action on this machine, as root, with Nix on the PATH. Also returns what a builder found and whether it
 * escaped from the sandbox.
 */
const run = async (
  inputs: Readonly<Record<string, string>>,
  { wrapper = [], bash, config }: Options = {},
): Promise<StepResult & { readonly found: string; readonly escaped: boolean }> => {
  await using job = await hostileJob(bash, config)
  const step = await runAction({ ...job.inputs, ...inputs }, { ...job, wrapper })
  const found = findingsOf(job)
  return { ...step, found, escaped: await job.hasEscaped() }
}

const findingsOf = ({ findings }: HostileJob): string =>
  execFileSync('bash', ['-c', `${findings} 2>/dev/null || true`], { encoding: 'utf8' })

const expectRefused = (
  { exitCode, errors, found, escaped, log }: Awaited<ReturnType<typeof run>>,
  sentence: RegExp,
) => {
  expect(exitCode, log).toBe(1)
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatch(sentence)
  expect({ found, escaped }).toEqual({ found: '', escaped: false })
  return true
}

describe('sandbox: off lets a builder see', () => {
  test('all that the attacks below look for, so that they would find it', async () => {
    const { exitCode, errors, found, escaped, log } = await run({ packages: 'spy', sandbox: 'off' })
    // The packing detects what the builder changed in the store.
    expect(exitCode, log).toBe(1)
    expect(errors[0]).toMatch(/-victim is not what Nix put into the store/)
    expect(found).toMatch(/\/proc\/\d+\/environ/)
    for (const place of ['home', 'workspace', 'temporary']) expect(found).toContain(`/${place}/.git/config`)
    expect(found).toContain('-victim')
    expect(escaped).toBe(true)
  })
})

for (const sandbox of ['auto', 'require'])
  attack(
    "package's builder",
    'credentials',
    `searches processes, the environment and the folders of the job, with sandbox: ${sandbox}`,
    async () => {
      const { exitCode, found, escaped, log } = await run({ packages: 'spy', sandbox })
      expect(exitCode, log).toBe(0)
      expect({ found, escaped }).toEqual({ found: '', escaped: false })
      return false
    },
  )

attack("package's builder", 'credentials', 'does so where nix-config says that there is no sandbox', async () => {
  const config = `sandbox = false\nextra-sandbox-paths =\nsandbox-fallback = true\nbuild-users-group =\nbuilders = local\nbuild-use-sandbox = false`
  const { exitCode, found, escaped, log } = await run({ packages: 'spy' }, { config })
  expect(exitCode, log).toBe(0)
  expect({ found, escaped }).toEqual({ found: '', escaped: false })
  return false
})

attack("package's builder", 'credentials', 'asks for a proxy with a password, where its content is known', async () => {
  const { exitCode, log } = await run({ packages: 'hello fixed' })
  expect(exitCode, log).toBe(0)
  return false
})

attack("package's builder", 'credentials', 'says that it must be built without a sandbox', async () =>
  expectRefused(await run({ packages: 'unchained' }), /unchained.*__noChroot.*not allowed/),
)

describe('where there can be no sandbox', () => {
  const wrapper = restricted('container')
  const refusal = (name: string): RegExp =>
    new RegExp(
      `^${name}-\\S+ must be built, since no substituter has it, but \`sandbox\` is \`auto\` and this runner has none \\(.*\\); run the job where root or sudo can make a sandbox, name a substituter that has it in \`nix-config\`, or write \`sandbox: off\` if this package set may read all that the job can\\.$`,
    )

  attack("package's builder", 'credentials', 'is to be built', async () =>
    expectRefused(await run({ packages: 'spy' }, { wrapper }), refusal('spy')),
  )
  attack("package's builder", 'credentials', 'wants to be built at home, which max-jobs does not limit', async () =>
    expectRefused(await run({ packages: 'local' }, { wrapper, config: 'max-jobs = 0' }), refusal('local')),
  )
  attack('package set', 'code in the step', 'has a program of its own as bash, which nobody has to build', async () =>
    expectRefused(
      await run({ packages: 'hello' }, { wrapper, bash: 'source' }),
      /^The image would be put together by \/nix\/store\/\S+-evil, which nobody has signed, but/,
    ),
  )
  attack('package set', 'code in the step', 'has a program of the machine as bash', async () =>
    expectRefused(
      await run({ packages: 'hello' }, { wrapper, bash: 'host' }),
      /^The image would be put together by \S+here\.evil, which is not in the Nix store, but/,
    ),
  )
  attack('substituter', 'code in the step', 'has a bash that nobody has signed whom the user trusts', async () =>
    expectRefused(
      await run({ packages: 'hello' }, { wrapper, config: 'trusted-public-keys =\nrequire-sigs = false' }),
      /^The image would be put together by \/nix\/store\/\S+, which is not as somebody has signed it whom `trusted-public-keys` names, but/,
    ),
  )
  test('sandbox: require refuses also our own description of the image', async () => {
    expectRefused(
      await run({ packages: 'hello', sandbox: 'require' }, { wrapper }),
      /^The description of the image must be built, but `sandbox` is `require` and this runner has none \(.*\); run the job where root or sudo can make a sandbox, or write `sandbox: auto`\.$/,
    )
  })
})

describe('in a sandbox', () => {
  let runs: Awaited<ReturnType<typeof run>>[]
  beforeAll(async () => {
    runs = [await run({ packages: 'hello' }, { bash: 'source' }), await run({ packages: 'hello' }, { bash: 'host' })]
  })
  for (const [index, whose] of ['of its own', 'of the machine'].entries())
    attack('package set', 'code in the step', `has a program ${whose} as bash`, async () => {
      expect(runs[index]).toMatchObject({ exitCode: 1, escaped: false })
      return true
    })
})
