import { describe, expect, test } from 'vitest'
import { type Closure, checkClosure } from '../../src/graph/closure.ts'
import { contentKey, layerKey } from '../../src/layers/layer-key.ts'
import { closureOf, narHashOf, pathOf } from '../support/closures.ts'

const [a, b, c] = [pathOf('a'), pathOf('b'), pathOf('c')]
const closure = closureOf(['a'], { a: { needs: ['b', 'c'] }, b: { size: 5 }, c: {} })
const format = 'tar+gzip-6 1048576 1.3'

/** The same closure, with other content at one of the paths. */
const rebuilt: Closure = checkClosure(
  [...closure.paths.values()].map((info) => (info.path === b ? { ...info, narHash: narHashOf('other') } : info)),
  closure.roots,
)
/** The same paths, in a closure in which they have other sizes, references and roots. */
const elsewhere = closureOf(['c', 'b', 'a'], { a: { size: 99 }, b: { needs: ['c'] }, c: { size: 7 } })

describe('the key of a layer of store paths', () => {
  test('is the same on every machine and in every version', () => {
    expect(layerKey([a, b], closure, format)).toMatchInlineSnapshot(
      `"0f81693a1fd11b6abd9230091fdaaaa22301e8eb787bbe4145a541ce4f267c44"`,
    )
  })

  test.each([
    ['the order of the paths', layerKey([b, a], closure, format)],
    ['their sizes and references and the rest of the closure', layerKey([a, b], elsewhere, format)],
  ])('does not depend on %s', (_, key) => {
    expect(key).toBe(layerKey([a, b], closure, format))
  })

  test('is another one for each set of paths, content and format', () => {
    const keys = [
      layerKey([a, b], closure, format),
      layerKey([a, b], rebuilt, format),
      layerKey([a, b], closure, 'tar+gzip-9 1048576 1.3'),
      layerKey([a], closure, format),
      layerKey([a, b, c], closure, format),
      layerKey([a, c], closure, format),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('the key of a layer that is known by its digest', () => {
  const diffID = `sha256:${'ab'.repeat(32)}`

  test('is the same on every machine and in every version', () => {
    expect(contentKey(diffID, format)).toMatchInlineSnapshot(
      `"af413ee86baaa2dc29d7da4746e7abbe87971e111a361c588663d943ca15c3b1"`,
    )
  })

  test('is another one for each content and format', () => {
    const keys = [
      contentKey(diffID, format),
      contentKey(`sha256:${'ac'.repeat(32)}`, format),
      contentKey(diffID, 'tar'),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
})
