import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/test-world.ts'],
    // Real programs on a machine with two busy cores: a limit that is only for what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
