import { popularityLayers } from '../src/layers/popularity-layers.ts'
import { stableLayers } from '../src/layers/stable-layers.ts'
import { debianPackages, withNeeds } from './layers/debian.ts'
import { imageClosure } from './layers/image.ts'
import { median } from './measure.ts'

/** Measures the time to group many store paths: packages of Debian's index with everything that they need. */

const layerings = {
  stable: stableLayers,
  popularity: (...[closure, budget]: Parameters<typeof stableLayers>) => popularityLayers(closure, budget, new Map()),
}
const all = debianPackages()
// A package comes after everything that it needs, so the first ones need no others.
const ordered = [...withNeeds([...all.keys()], all)]

console.log('store paths  max-layers  seconds, median of 5')
for (const count of [5000, 20_000]) {
  const packages = new Map(ordered.slice(0, count))
  const needed = new Set([...packages.values()].flatMap(({ needs }) => needs))
  const listed = [...packages.keys()].filter((name) => !needed.has(name))
  const closure = imageClosure({ listed, changes: new Map() }, packages)
  for (const maxLayers of [64, 127])
    for (const [name, layering] of Object.entries(layerings)) {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now()
        layering(closure, maxLayers - 2)
        return (performance.now() - start) / 1000
      })
      console.log(
        `${String(closure.paths.size).padStart(11)} ${String(maxLayers).padStart(11)} ${median(times).toFixed(3).padStart(8)}  ${name}`,
      )
    }
}
