import { defineConfig } from 'vitest/config'

/** The tests that `npm run mutate` names. Tests that need the package set of the test world are not among them. */
export default defineConfig({
  test: {
    include: process.env['MUTATE_TESTS']?.split(' ') ?? [],
    globalSetup: ['scripts/mutate.setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
