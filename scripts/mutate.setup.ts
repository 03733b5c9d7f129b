import { prepareNixConfig } from '../test/support/test-world.ts'

/** Before the tests of `npm run mutate`: Nix's configuration, which is not copied with them. */
export default prepareNixConfig
