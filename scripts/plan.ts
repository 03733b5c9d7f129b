import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parseClosure } from '../src/graph/closure.ts'
import { checkPartition } from '../src/layers/partition.ts'
import { popularityLayers } from '../src/layers/popularity.ts'
import { stableLayers } from '../src/layers/stable.ts'

/**
 * `npm run --silent plan -- --layering NAME --max-layers N < runtime-graph.json`: prints the layers of store paths of an
 * image, in its order, as a JSON array of arrays. The input is `{ runtimeGraph, roots }` as Nix makes it for the action. Of
 * the N layers, two are not for store paths, as with the action's `preset: default`.
 */

const fail = (problem: string): never => {
  console.error(problem)
  process.exit(1)
}

const layerings = {
  stable: stableLayers,
  popularity: (...[closure, budget]: Parameters<typeof stableLayers>) => popularityLayers(closure, budget, new Map()),
}

try {
  const { values } = parseArgs({
    options: {
      layering: { type: 'string', default: 'stable' },
      'max-layers': { type: 'string', default: '64' },
    },
  })
  const name = values.layering
  if (name !== 'stable' && name !== 'popularity') throw new Error(`--layering is stable or popularity, not ${name}`)
  const budget = Number(values['max-layers']) - 2
  if (!Number.isInteger(budget) || budget < 1) throw new Error('--max-layers is a whole number, 3 at least')
  const closure = parseClosure(await text(process.stdin))
  const layers = layerings[name](closure, budget)
  checkPartition(layers, closure, budget)
  console.log(JSON.stringify(layers))
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
