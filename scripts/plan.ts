import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parseClosure } from '../src/graph/closure.ts'
import { parsePopularity } from '../src/graph/popularity.ts'
import { checkPartition } from '../src/layers/partition.ts'
import { popularityLayers } from '../src/layers/popularity.ts'
import { stableLayers } from '../src/layers/stable.ts'
import { layersForPaths } from '../src/plan.ts'

/**
 * `npm run --silent plan -- --layering NAME --max-layers N --preset NAME --popularity FILE < runtime-graph.json`: prints the
 * layers of store paths of an image, in its order, as a JSON array of arrays. The options are the action's inputs, with
 * the same defaults; the input is `{ runtimeGraph, roots }` as Nix makes it for the action.
 */

const fail = (problem: string): never => {
  console.error(problem)
  process.exit(1)
}

try {
  const { values } = parseArgs({
    options: {
      layering: { type: 'string', default: 'stable' },
      'max-layers': { type: 'string', default: '64' },
      preset: { type: 'string', default: 'default' },
      popularity: { type: 'string' },
    },
  })
  const { layering, preset, popularity } = values
  const maxLayers = Number(values['max-layers'])
  if (layering !== 'stable' && layering !== 'popularity')
    throw new Error(`--layering is stable or popularity, not ${layering}`)
  if (!['default', 'bare', 'job-container'].includes(preset))
    throw new Error(`--preset is default, bare or job-container, not ${preset}`)
  if (!Number.isInteger(maxLayers) || maxLayers < 3) throw new Error('--max-layers is a whole number, 3 at least')
  if (popularity && layering !== 'popularity') throw new Error('--popularity goes with --layering popularity only')

  const budget = layersForPaths(maxLayers, preset !== 'bare')
  const data = popularity ? parsePopularity(readFileSync(popularity, 'utf8')) : new Map<string, number>()
  const closure = parseClosure(await text(process.stdin))
  const layers = layering === 'stable' ? stableLayers(closure, budget) : popularityLayers(closure, budget, data)
  checkPartition(layers, closure, budget)
  console.log(JSON.stringify(layers))
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
