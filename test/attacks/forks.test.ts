import { expect } from 'vitest'
import { runAction } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { startCacheService } from '../support/cache-service.ts'
import { smallSet } from '../support/nix.ts'
import { startRegistry, tags } from '../support/registry.ts'

const head = 'badcafe000000000000000000000000000000000'
const stranger = { full_name: 'Stranger/Repository' }
const pullRequest = (repo: unknown) => ({ pull_request: { head: { sha: head, repo } } })

/** Events whose token may write packages although a stranger triggered them. */
const events: readonly (readonly [what: string, name: string, payload: object])[] = [
  ['`pull_request_target`', 'pull_request_target', pullRequest(stranger)],
  ['`pull_request_target` of a fork that is deleted', 'pull_request_target', pullRequest(null)],
  ['`workflow_run`', 'workflow_run', { workflow_run: { event: 'pull_request', head_repository: stranger } }],
]

for (const [what, name, payload] of events)
  attack("fork's pull request", 'image', `is opened where a workflow with ${what} publishes by default`, async () => {
    await using registry = await startRegistry()
    const { exitCode, log, outputs, summary } = await runAction(
      { packages: 'tree', nixpkgs: smallSet, image: `${registry.host}/published` },
      { environment: { GITHUB_EVENT_NAME: name }, event: { repository: { default_branch: 'main' }, ...payload } },
    )
    expect(exitCode, log).toBe(0)
    expect(await tags(registry, 'published')).toEqual([])
    expect(registry.requests()).toEqual([])
    expect(summary).toContain(`Not pushed. Its digest is \`${outputs['digest']}\``)
    expect(log).toMatch(/^::notice::The image is not pushed: a pull request from a fork set off this run/m)
    return true
  })

attack("fork's pull request", 'later runs', 'saves what the default branch would read', async () => {
  await using cache = await startCacheService()
  for (const name of ['pull_request', 'pull_request_target'])
    for (const mode of ['true', 'write']) {
      const { exitCode, log } = await runAction(
        { packages: 'tree', nixpkgs: smallSet, image: '127.0.0.1:1/nothing', push: 'false', cache: mode },
        {
          environment: { GITHUB_EVENT_NAME: name, ...cache.environment() },
          event: { repository: { default_branch: 'main' }, ...pullRequest(stranger) },
        },
      )
      expect(exitCode, log).toBe(0)
      expect(cache.entries).toEqual([])
    }
  return false
})
