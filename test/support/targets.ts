import type { Job } from '../../src/lib/job.ts'
import { openTarget, type Target, type TargetPlan } from '../../src/publish/target.ts'
import { silentLog } from './log.ts'

/** The target of a run that pushes `v1` to a registry without authentication. */
export const targetPlan = (registry: string, name: string, changes: Partial<TargetPlan> = {}): TargetPlan => ({
  repository: { registry, name },
  tags: ['v1'],
  credentials: {
    ...{ credentials: undefined, dockerConfig: undefined, helperEnvironment: {}, actor: '' },
    ...{ tokenHosts: [], githubToken: undefined, github: { registry: undefined } },
  },
  push: true,
  notPushed: { level: 'info', message: '' },
  layout: undefined,
  workspace: '/nowhere',
  platform: 'linux/amd64',
  commit: 'c'.repeat(40),
  attempt: 1,
  indexAnnotations: {},
  ...changes,
})

/** Opens a target as a run does. */
export const testTarget = (
  plan: TargetPlan,
  job: Partial<Pick<Job, 'log' | 'secret' | 'signal' | 'temporary' | 'timings'>> = {},
): Promise<Target> =>
  openTarget(plan, {
    ...{ log: silentLog, secret: () => {}, signal: new AbortController().signal },
    ...{ temporary: '/nowhere', timings: {} },
    ...job,
  })
