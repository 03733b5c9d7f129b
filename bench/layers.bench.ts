import { amplification, geometricMean } from './layers/amplification.ts'
import { type Corpus, corpora } from './layers/corpora.ts'
import { layerings } from './layers/peers.ts'
import { picture } from './layers/picture.ts'
import { kinds, sequence } from './layers/sequences.ts'

/**
 * For each layering, measures how much of an image is pulled again after an update: the bytes of layers that the last
 * image did not have, over the bytes of store paths that are new. Prints geometric means over sequences of images.
 */

/** The constants of `src/layers/stable-layers.ts` were tuned with other seeds: 1 to 5 and 101 to 106. */
const seeds = [201, 202, 203, 204, 205]
/** Values of the input `max-layers`; two of the layers are not for store paths. */
const maxLayers = [16, 32, 64, 127]

const figure = (value: number): string => value.toFixed(2).padStart(7)

const table = (lists: readonly Corpus[]): void => {
  const sequences = kinds.flatMap((kind) =>
    lists.flatMap((corpus) =>
      seeds.map((seed) => ({ kind, corpus: corpus.name, closures: sequence(kind, corpus, seed) })),
    ),
  )
  const sizes = lists.map(({ name }) => {
    const paths = sequences.find(({ corpus }) => corpus === name)?.closures[0]?.paths
    return `${name} (${paths?.size} store paths)`
  })
  console.log(sizes.join(', '))
  for (const most of maxLayers) {
    console.log(`\n${most} layers`)
    console.log('     a      b      c      d    all  chain')
    for (const [name, layering] of layerings) {
      const results = sequences.map(({ kind, closures }) => ({
        kind,
        ...amplification(
          closures,
          closures.map((closure) => layering(closure, most - 2)),
        ),
      }))
      const byKind = kinds.map((kind) =>
        geometricMean(results.filter((result) => result.kind === kind).map(({ layers }) => layers)),
      )
      const all = geometricMean(results.map(({ layers }) => layers))
      const chain = geometricMean(results.map((result) => result.chain))
      console.log(`${[...byKind, all, chain].map(figure).join('')}  ${name}`)
    }
  }
}

const [tuned, heldOut] = [corpora('tuned'), corpora('held out')]
console.log('Lists of packages that nothing was tuned on:')
table(heldOut)
console.log('\nLists of packages that the constants were tuned on, with other seeds:')
table(tuned)
console.log(`\n${kinds.map(({ title }, index) => `${'abcd'[index]}: ${title}`).join('; ')}`)
console.log('all: geometric mean of all sequences; chain: the same where all above the first changed layer counts')

const server = tuned.find(({ name }) => name === 'server')
console.log('\nAn image of nginx, curl and jq in 16 layers, after a change to curl and its library')
if (server) for (const line of picture(['nginx', 'curl', 'jq'], 'curl', 14, server.packages)) console.log(line)
