import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { explainMoves, explainUnfinished } from '../../src/publish/moved-tags.ts'

const digest = digestOf(Buffer.from('new'))
const from = digestOf(Buffer.from('old'))
const commit = '0123456789abcdef0123456789abcdef01234567'
const mover = { repository: { registry: 'ghcr.io', name: 'owner/tools' }, digest, commit, attempt: 1 }

test('a tag that the user gave may move, which is what it is for', () => {
  expect(explainMoves([{ tag: 'latest', from }], mover)).toEqual([])
})

test('the default tag with another image is likely one of a matrix', () => {
  expect(explainMoves([{ tag: commit, from }], mover)).toEqual([
    {
      level: 'warning',
      message: `ghcr.io/owner/tools:${commit} named ${from} and now names ${digest}: another image was pushed for the same commit. Entries of a matrix need \`tags\` or an \`image\` of their own.`,
    },
  ])
})

test.each(['latest', commit])('a run of an older commit that is run again says that it moves %s', (tag) => {
  expect(explainMoves([{ tag, from }], { ...mover, attempt: 2 })).toEqual([
    {
      level: 'notice',
      message: `ghcr.io/owner/tools:${tag} named ${from} and now names ${digest}. This is attempt 2 of a run for the commit ${commit}; if a newer commit had set the tag, run that one again.`,
    },
  ])
})

test('a tag that another job has set at the same time is that job’s, and whoever wants the image is told its digest', () => {
  const rival = digestOf(Buffer.from('rival'))
  expect(explainMoves([{ tag: 'latest', from, rival }], mover)).toEqual([
    {
      level: 'notice',
      message: `ghcr.io/owner/tools:latest names ${rival} already, which another job has set at the same time; this run's image is ghcr.io/owner/tools@${digest}.`,
    },
  ])
})

test.each([1, 2])('a tag that named nothing before has not moved, in attempt %d either', (attempt) => {
  expect(explainMoves([{ tag: commit, from: undefined }], { ...mover, attempt })).toEqual([])
})

test('a tag that named the image already has not moved', () => {
  expect(explainMoves([{ tag: commit, from: digest }], { ...mover, attempt: 2 })).toEqual([])
})

describe('where the push failed after some tags', () => {
  const already = `ghcr.io/owner/tools names ${digest} as`
  test.each<[string, Parameters<typeof explainUnfinished>[0], string[], string | undefined]>([
    ['the first has moved', [{ tag: 'a', from }], ['a', 'b'], `${already} a already, but the push failed at b.`],
    [
      'new tags are set',
      [
        { tag: 'a', from: undefined },
        { tag: 'b', from: digest },
      ],
      ['a', 'b', 'c', 'd', 'e'],
      `${already} a, b already, but the push failed at c; not reached: d, e.`,
    ],
    ['none has moved', [{ tag: 'a', from: digest }], ['a', 'b'], undefined],
    ['it is another job that has moved it', [{ tag: 'a', from, rival: from }], ['a', 'b'], undefined],
    ['it came to none', [], ['a', 'b'], undefined],
  ])('%s', (_, done, tags, sentence) => {
    expect(explainUnfinished(done, tags, mover)).toBe(sentence)
  })
})
