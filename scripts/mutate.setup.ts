import { prepareNixConfig } from '../test/support/test-world.ts'

/** Runs before the tests of `npm run mutate`: writes Nix's configuration, which is not copied with the tests. */
export default prepareNixConfig
