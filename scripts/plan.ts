import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { parseClosure } from '../src/graph/closure.ts'
import { readPopularity } from '../src/inputs/read-popularity.ts'
import { checkPartition } from '../src/layers/partition.ts'
import { popularityLayers } from '../src/layers/popularity-layers.ts'
import { stableLayers } from '../src/layers/stable-layers.ts'
import { layersForPaths } from '../src/plan.ts'

/**
 * `npm run --silent plan -- --layering NAME --max-layers N --preset NAME --popularity FILE < runtime-graph.json`:
 * prints the layers of store paths of an image, in the image's order, as a JSON array of arrays. The options are the
 * action's inputs, with the same defaults. The input is `{ runtimeGraph, roots }` as Nix makes it for the action. With
 * `preset: bare` and a `workdir`, an image has a base layer too, so give one less as `--max-layers`.
 */

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
  const maxLayers = /^\d{1,4}$/.test(values['max-layers']) ? Number(values['max-layers']) : Number.NaN
  if (layering !== 'stable' && layering !== 'popularity')
    throw new Error(`--layering is stable or popularity, not ${layering}`)
  if (!['default', 'bare', 'job-container'].includes(preset))
    throw new Error(`--preset is default, bare or job-container, not ${preset}`)
  if (!(maxLayers >= 3 && maxLayers <= 127))
    throw new Error(`--max-layers is a whole number from 3 to 127, not ${values['max-layers']}`)
  if (popularity && layering !== 'popularity') throw new Error('--popularity goes with --layering popularity only')

  const budget = layersForPaths(maxLayers, preset !== 'bare')
  const data = new Map(await readPopularity(popularity))
  const closure = parseClosure(await text(process.stdin))
  const layers = layering === 'stable' ? stableLayers(closure, budget) : popularityLayers(closure, budget, data)
  checkPartition(layers, closure, budget)
  console.log(JSON.stringify(layers))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
