import { expect, test } from 'vitest'
import { checkUnsupported } from '../../src/inputs/unsupported.ts'

/** The values at which inputs without an effect have none. */
const harmless: Record<string, string> = {
  cache: 'true',
  'install-nix': 'auto',
  reuse: 'true',
  sbom: 'true',
}

const problems = (inputs: Record<string, string>): string[] => {
  const found: string[] = []
  checkUnsupported(
    (name) => inputs[name] ?? harmless[name] ?? '',
    'linux/arm64',
    (sentence) => found.push(sentence),
  )
  return found
}

test.each([
  'annotations',
  'cache-signing-key',
  'cmd',
  'entrypoint',
  'env',
  'expose',
  'labels',
  'nix-sha256',
  'nix-url',
  'nix-version',
  'user',
  'volumes',
  'workdir',
])('%s is refused, so that nobody believes that it had an effect', (name) => {
  expect(problems({ [name]: 'anything' })).toEqual([`\`${name}\` is not supported yet; write nothing.`])
  expect(problems({ [name]: '' })).toEqual([])
})

test.each([
  ['cache', ['true', 'false'], ['read', 'write', '', 'TRUE'], '`cache` is not supported yet; write `true` or `false`.'],
  ['reuse', ['true', 'false'], ['registry', ''], '`reuse` is not supported yet; write `true` or `false`.'],
  ['sbom', ['true', 'false'], ['spdx', ''], '`sbom` is not supported yet; write `true` or `false`.'],
  ['install-nix', ['auto', 'never'], ['always', ''], '`install-nix` is not supported yet; write `auto` or `never`.'],
])('%s takes %j, and %j not yet', (name, accepted, refused, problem) => {
  for (const value of accepted) expect(problems({ [name]: value })).toEqual([])
  for (const value of refused) expect(problems({ [name]: value })).toEqual([problem])
})

test.each(['', 'linux/arm64'])('the platform of the runner (%j) is taken', (platforms) => {
  expect(problems({ platforms })).toEqual([])
})

test.each(['linux/amd64', 'linux/arm64,linux/amd64', 'windows/amd64'])(
  'platforms %s are not supported yet',
  (platforms) => {
    expect(problems({ platforms })).toEqual([
      `\`platforms\` is "${platforms}", which is not supported yet; write \`linux/arm64\`, or leave it out.`,
    ])
  },
)
