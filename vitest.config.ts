import { defineConfig } from 'vitest/config'

const nixFiles =
  'test/nix/{build-image,call,check-validity,evaluate,failures,names,near-misses,outputs,purity,realise,source,source-problems}.test.ts'
/** Those of them that build. */
const buildingFiles = 'test/nix/{build-image,check-validity,outputs,realise}.test.ts'

export default defineConfig({
  test: {
    globalSetup: ['test/support/test-world.ts'],
    // Real programs on a machine with two busy cores: a limit that is only for what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // By default it leaves half of the cores alone.
    maxWorkers: '100%',
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'newest Nix',
          include: [
            nixFiles,
            'test/nix/{restrict,signature,source-store-path,trusted-keys}.test.ts',
            'test/cache/{export-paths,store-cache}.test.ts',
            'test/attacks/{sandbox,store-cache,store-paths}.test.ts',
            'test/end-to-end.test.ts',
          ],
          env: { TEST_NIX: 'newest' },
        },
      },
      {
        extends: true,
        test: { name: 'sandbox', include: [buildingFiles], env: { TEST_SANDBOX: 'require' } },
      },
      {
        extends: true,
        test: {
          name: 'newest Nix, sandbox',
          include: [buildingFiles],
          env: { TEST_NIX: 'newest', TEST_SANDBOX: 'require' },
        },
      },
    ],
  },
})
