import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkPartition } from '../../src/layers/partition.ts'
import { closureOf, closures, pathOf } from '../support/closures.ts'

const [a, b, other] = [pathOf('a'), pathOf('b'), pathOf('other')]
const closure = closureOf(['a'], { a: { needs: ['b'] }, b: {} })

test('layers that hold every path once are good, up to the budget', () => {
  expect(() => checkPartition([[b], [a]], closure, 2)).not.toThrow()
  expect(() => checkPartition([[a, b]], closure, 2)).not.toThrow()
})

test.each([
  ['there are more than allowed', [[a], [b]], 1, '2 layers are more than the 1 that are allowed'],
  ['one is empty', [[a, b], []], 5, 'a layer is empty'],
  ['two have the same path', [[a, b], [a]], 5, `${a} is in two layers`],
  ['one has a path twice', [[a, b, b]], 5, `${b} is in two layers`],
  ['one has a path that nothing needs', [[a, b, other]], 5, `${other} is in a layer, but not in the closure`],
  ['a path is in none', [[a]], 5, `${b} is in no layer`],
  ['there are none', [], 5, `${a} is in no layer`],
])('layers are refused where %s', (_, partition, budget, message) => {
  expect(() => checkPartition(partition, closure, budget)).toThrow(new Error(message))
})

test('a path that is lost from any layers is found out', () => {
  fc.assert(
    fc.property(closures, fc.nat(), (closure, pick) => {
      const paths = [...closure.paths.keys()]
      const lost = paths.splice(pick % paths.length, 1)
      const layers = paths.map((path) => [path])
      expect(() => checkPartition(layers, closure, layers.length)).toThrow(`${lost} is in no layer`)
    }),
  )
})
