import { expect, test } from 'vitest'
import { shortHash, storeCacheKey } from '../../src/cache/store-cache-key.ts'
import { inputs, planOf } from '../support/plans.ts'

const image = 'ghcr.io/owner/name'
const keyOf = (image: string, ...args: Parameters<typeof planOf>) => {
  const plan = planOf(...args)
  return storeCacheKey({ ...plan.image, platforms: plan.platforms, sandbox: plan.nix.sandbox }, image)
}
const prefixes = (...args: Parameters<typeof planOf>) => keyOf(image, ...args).prefixes

test('an entry is looked for by what it was made for, then by its image, then by the kind of machine', () => {
  const [own, ofImage, ofSystem] = prefixes()
  expect(own).toMatch(/^nix-image-store-v2-auto-x86_64-linux-[0-9a-f]{16}-[0-9a-f]{16}-$/)
  expect(own.startsWith(`${ofImage}`)).toBe(true)
  expect(ofImage).toMatch(/^nix-image-store-v2-auto-x86_64-linux-[0-9a-f]{16}-$/)
  expect(ofSystem).toBe('nix-image-store-v2-auto-x86_64-linux-')
})

test('other packages and other platforms have entries of their own, of the same image', () => {
  const all = [{}, { packages: ['jq'] }, { platforms: ['linux/amd64'] as const }].map((changes) => prefixes(changes))
  expect(new Set(all.map(([own]) => own)).size).toBe(3)
  expect(new Set(all.map(([, ofImage]) => ofImage)).size).toBe(1)
})

test('another image finds what is of the same kind of machine, and nothing else', () => {
  const [own, ofImage, ofSystem] = keyOf('ghcr.io/owner/other').prefixes
  const [first, second, third] = prefixes()
  expect([own === first, ofImage === second, ofSystem === third]).toEqual([false, false, true])
  expect(prefixes({}, { platform: 'linux/arm64' }).at(-1)).toBe('nix-image-store-v2-auto-aarch64-linux-')
})

test('what was built with another sandbox is not found', () => {
  const found = prefixes()
  for (const sandbox of ['off', 'require'] as const) {
    const others = prefixes({ nix: { ...inputs.nix, sandbox } })
    for (const prefix of others)
      expect(found.some((own) => own.startsWith(prefix) || prefix.startsWith(own))).toBe(false)
  }
})

test('texts that are the same only when they are joined have different hashes', () => {
  expect(shortHash('a', 'bc')).not.toBe(shortHash('ab', 'c'))
  expect(shortHash('a')).toMatch(/^[0-9a-f]{16}$/)
})
