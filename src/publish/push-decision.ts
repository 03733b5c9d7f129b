/** What set off the run: the name of the event, as in `pull_request`, and whether a pull request from a fork did. */
type PushTrigger = { readonly event: string; readonly isForkPullRequest: boolean }

/** Whether a run pushes; if it does not, why, and at which level to log that. */
export type PushDecision = {
  readonly push: boolean
  readonly notPushed: { readonly level: 'info' | 'notice'; readonly message: string }
}

/** `mode` is the input `push`. With `auto`, a pull request from a fork does not push, even if its token could. */
export const pushDecision = (mode: 'auto' | 'true' | 'false', trigger: PushTrigger): PushDecision => {
  const forked = mode === 'auto' && trigger.isForkPullRequest
  return {
    push: mode !== 'false' && !forked,
    notPushed: forked
      ? { level: 'notice', message: `The image is not pushed: ${whyNot(trigger)}` }
      : { level: 'info', message: 'The image is not pushed, as `push: false` says.' },
  }
}

/** Only runs for these events have a token that can push. */
const whyNot = ({ event }: PushTrigger): string =>
  event === 'pull_request_target' || event === 'workflow_run'
    ? "a pull request from a fork set off this run, and what it builds may be a stranger's; with `push: true` it is pushed."
    : 'this is a pull request from a fork, whose token cannot write packages.'
