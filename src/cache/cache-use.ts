/** The values of the input `cache`: how a run may use the Actions cache. */
export type CacheMode = 'true' | 'read' | 'write' | 'false'

/** Decides which entries a run may read and save. */
export type CacheScope = {
  /** The name of the event that triggered the workflow, such as `pull_request`. */
  readonly event: string
  /** Whether a pull request from another repository triggered the run. */
  readonly isForkPullRequest: boolean
  readonly isOnDefaultBranch: boolean
  /** The workflow's `cache-mode`: `read`, `write`, `write-only` or `none`; empty if it is not set. */
  readonly cacheMode: string
}

/** Whether a run reads and saves one kind of entry in the Actions cache. */
export type CacheUse = { readonly read: boolean; readonly save: boolean }

/**
 * Events that people without write access can trigger, and that run in the scope of the default branch. GitHub gives
 * these runs a token that cannot save. Source: GitHub changelog, 2026-06-26, "Read-only Actions cache for untrusted
 * triggers".
 */
const setOffByAnybody = ['issue_comment', 'pull_request_target', 'workflow_run']

/**
 * How a run uses the Actions cache: for records of what was built, which are small, and for store paths. The workflow's
 * own `cache-mode` can only restrict what the input `cache` allows.
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
    // Entries of other branches, which only those branches see, would displace entries that all branches see: GitHub
    // deletes the oldest of the whole repository.
    storePaths: { read, save: save && (cache === 'write' || isOnDefaultBranch) },
  }
}
