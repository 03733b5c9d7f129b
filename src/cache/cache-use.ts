/** What a run does with the Actions cache, as the input `cache` says. */
export type CacheMode = 'true' | 'read' | 'write' | 'false'

/** What decides which entries a run may read and save. */
export type CacheScope = {
  /** The name of what started the workflow, as in `pull_request`. */
  readonly event: string
  /** A pull request from another repository has set off the run. */
  readonly isForkPullRequest: boolean
  readonly isOnDefaultBranch: boolean
  /** The workflow's `cache-mode`: `read`, `write`, `write-only` or `none`; empty where it says nothing. */
  readonly cacheMode: string
}

/** What a run does with one kind of entry in the Actions cache. */
export type CacheUse = { readonly read: boolean; readonly save: boolean }

/**
 * Events that others than those who may write to the repository can set off, while they run in the scope of its default
 * branch. GitHub gives them a token that cannot save. Source: GitHub changelog, 2026-06-26, "Read-only Actions cache
 * for untrusted triggers".
 */
const setOffByAnybody = ['issue_comment', 'pull_request_target', 'workflow_run']

/**
 * What a run reads from the Actions cache and saves to it: records of what was built, which are small, and store paths.
 * The workflow's own `cache-mode` can only take away from what the input `cache` says.
 */
export const cacheUse = (
  cache: CacheMode,
  { cacheMode, event, isForkPullRequest, isOnDefaultBranch }: CacheScope,
): { readonly records: CacheUse; readonly storePaths: CacheUse } => {
  const read = cache !== 'false' && cacheMode !== 'none' && cacheMode !== 'write-only'
  const mayWrite =
    cacheMode !== 'none' && cacheMode !== 'read' && !isForkPullRequest && !setOffByAnybody.includes(event)
  const save = mayWrite && (cache === 'true' || cache === 'write')
  return {
    records: { read, save },
    // What other branches cannot see takes the room of what they can: GitHub drops the oldest of all that a repository
    // has.
    storePaths: { read, save: save && (cache === 'write' || isOnDefaultBranch) },
  }
}
