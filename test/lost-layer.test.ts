import { expect, test } from 'vitest'
import { digestOf } from '../src/oci/descriptor.ts'
import { runAction } from './support/action.ts'
import { smallSet } from './support/nix.ts'
import { startStrictRegistry } from './support/strict-registry.ts'

test.each([1, 2])(
  'a layer that the registry loses before manifest %d is packed and sent once more',
  async (forgets) => {
    await using registry = await startStrictRegistry({ forgets })
    const { exitCode, outputs, log } = await runAction({
      nixpkgs: smallSet,
      packages: 'tree other',
      image: `${registry.host}/lost`,
      tags: 'v1',
    })
    expect(exitCode, log).toBe(0)
    expect(registry.violations).toEqual([])
    const manifest = registry.manifests.get('v1') ?? Buffer.from('{}')
    expect(digestOf(manifest)).toBe(outputs['digest'])
    const { layers } = JSON.parse(manifest.toString()) as { layers: { digest: string }[] }
    expect(layers.filter(({ digest }) => !registry.blobs.has(digest))).toEqual([])
    const sent = registry.requests.filter((line) => /^PUT .*\/blobs\//.test(line))
    // The configuration is a blob, too.
    expect(sent).toHaveLength(layers.length + 2)
  },
)
