import { describe, expect, test } from 'vitest'
import { pushDecision } from '../../src/publish/push-decision.ts'

describe('an image', () => {
  test.each([
    ['auto', false, true],
    ['auto', true, false],
    ['true', false, true],
    ['true', true, true],
    ['false', false, false],
    ['false', true, false],
  ] as const)('with push: %s, fork: %j, is pushed: %j', (push, isForkPullRequest, pushed) => {
    expect(pushDecision(push, { event: 'pull_request', isForkPullRequest }).push).toBe(pushed)
  })

  test.each([
    ['pull_request', 'this is a pull request from a fork, whose token cannot write packages.'],
    [
      'pull_request_target',
      "a pull request from a fork set off this run, and what it builds may be a stranger's; with `push: true` it is pushed.",
    ],
    [
      'workflow_run',
      "a pull request from a fork set off this run, and what it builds may be a stranger's; with `push: true` it is pushed.",
    ],
  ])('that is not pushed in %s from a fork has the reason with it', (event, reason) => {
    expect(pushDecision('auto', { event, isForkPullRequest: true }).notPushed).toEqual({
      level: 'notice',
      message: `The image is not pushed: ${reason}`,
    })
  })

  test('that somebody does not want pushed has the reason with it', () => {
    for (const isForkPullRequest of [true, false])
      expect(pushDecision('false', { event: 'push', isForkPullRequest }).notPushed).toEqual({
        level: 'info',
        message: 'The image is not pushed, as `push: false` says.',
      })
  })
})
