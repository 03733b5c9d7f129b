import { runAction } from '../test/support/action.ts'
import { debianSet } from '../test/support/debian-set.ts'
import { prepareNixConfig } from '../test/support/test-world.ts'

/**
 * Measures the size of images with each preset and meta-package, unpacked and as the layers that are pulled. The
 * package set is the one of Debian packages that the tests use. With nixpkgs, the sizes differ, but are of the same
 * order.
 */

type Metadata = { readonly bytes: { readonly closure: number; readonly layers: number } }

await prepareNixConfig()
const nixpkgs = await debianSet()
console.log('packages          preset         unpacked    layers')
for (const [packages, preset] of [
  ['hello', 'bare'],
  ['hello', 'default'],
  ['hello', 'job-container'],
  ['shell', 'bare'],
  ['shell', 'default'],
] as const) {
  const { outputs, log } = await runAction({ packages, preset, nixpkgs, push: 'false' })
  if (!outputs['metadata']) throw new Error(log)
  const { closure, layers } = (JSON.parse(outputs['metadata']) as Metadata).bytes
  const sizes = [closure, layers].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`.padStart(10))
  console.log(`${packages.padEnd(18)}${preset.padEnd(13)}${sizes.join('')}`)
}
