import type { Closure } from '../../src/graph/closure.ts'
import type { Corpus } from './corpora.ts'
import { imageClosure, type State } from './image.ts'
import { randomNumbers, shuffle } from './random.ts'

/** One step: returns the state of the next image for the state of the last one. */
type Step = (state: State, index: number) => State

type Kind = {
  readonly title: string
  readonly steps: number
  readonly step: (corpus: Corpus, first: string, random: () => number) => Step
}

const changed = ({ listed, changes }: State, sources: Iterable<string>): State => {
  const next = new Map(changes)
  for (const source of sources) next.set(source, (next.get(source) ?? 0) + 1)
  return { listed, changes: next }
}

/**
 * The probability that a source package changes in a week. Half of the packages change once in six years or less often;
 * one in a hundred changes every ten weeks or more often.
 */
const heavyTailed = (random: () => number): number => Math.min(0.6, 0.0016 / (1 - random()) ** 0.9)

export const kinds: readonly Kind[] = [
  {
    title: 'the first package changes',
    steps: 8,
    step:
      ({ packages }, first) =>
      (state) =>
        changed(state, [packages.get(first)?.source ?? '']),
  },
  {
    title: "a distribution's weeks",
    steps: 16,
    step: ({ packages }, _, random) => {
      const sources = [...new Set([...packages.values()].map(({ source }) => source))].sort()
      const rates = sources.map((source) => ({ source, rate: heavyTailed(random) }))
      return (state) =>
        changed(
          state,
          rates.filter(({ rate }) => random() < rate).map(({ source }) => source),
        )
    },
  },
  {
    title: 'packages come and go',
    steps: 16,
    step: ({ spare }, _, random) => {
      const order = shuffle(spare, random)
      return ({ listed, changes }, index) => {
        const leaving = index % 2 === 1 ? listed[Math.floor(random() * listed.length)] : undefined
        const kept = listed.filter((name) => name !== leaving)
        return { listed: leaving ? kept : [...kept, order.shift() ?? ''].filter(Boolean), changes }
      }
    },
  },
  { title: 'glibc changes', steps: 3, step: () => (state) => changed(state, ['glibc']) },
]

/**
 * The closures of the images of a sequence, the oldest first. The seed decides which listed package is the first one.
 */
export const sequence = (kind: Kind, corpus: Corpus, seed: number): Closure[] => {
  const random = randomNumbers(seed)
  const listed = shuffle(corpus.listed, random)
  const step = kind.step(corpus, listed[0] ?? '', random)
  const states: State[] = [{ listed, changes: new Map() }]
  for (let index = 0; index < kind.steps; index++) states.push(step(states.at(-1) as State, index))
  return states.map((state) => imageClosure(state, corpus.packages))
}
