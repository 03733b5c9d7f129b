import { expect, test } from 'vitest'
import { digestOf } from '../../src/oci/descriptor.ts'
import { explainMoves } from '../../src/publish/moved-tags.ts'

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
