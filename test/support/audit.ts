import { isScalar, parse, parseDocument, visit } from 'yaml'

/**
 * The least permissions that each job needs, by `workflow/job`. `permissions: {}` at the top of a workflow gives
 * nothing to a job that is not named here.
 */
export const permissionsOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ci/test': { contents: 'read' },
  'end-to-end/image': { contents: 'read', packages: 'write' },
  'end-to-end/job-container': { contents: 'read', packages: 'read' },
  'release/check': { contents: 'read' },
  'release/release': { contents: 'write' },
  'update/pins': { contents: 'read' },
  'update/pull-request': { contents: 'write', 'pull-requests': 'write' },
}

/**
 * Expressions whose value the repository, the runner or GitHub makes, and that are safe in the text of a shell script.
 */
const harmless = /^(github\.(sha|run_id|run_attempt|repository|workspace)|runner\.(os|arch)|matrix\.[a-z_]+)$/

type Step = {
  readonly uses?: string
  readonly run?: string
  readonly shell?: string
  readonly with?: Readonly<Record<string, unknown>>
}
type Job = { readonly permissions?: unknown; readonly uses?: string; readonly steps?: readonly Step[] }

/** The faults of the workflow `name` (without `.yml`) with this text, one sentence each; empty if there are none. */
export const audit = (name: string, text: string): string[] => {
  const workflow = parse(text) as {
    readonly on?: unknown
    readonly permissions?: unknown
    readonly defaults?: { readonly run?: { readonly shell?: unknown } }
    readonly jobs: Readonly<Record<string, Job>>
  }
  const faults = pins(text)
  if (JSON.stringify(workflow.permissions) !== '{}') faults.push('The workflow has no `permissions: {}` at its top.')
  // Jobs of these events have secrets and a token that can write, even if a stranger triggered them.
  for (const event of ['pull_request_target', 'workflow_run', 'issue_comment'])
    if (JSON.stringify(workflow.on).includes(event)) faults.push(`By ${event}, strangers set off jobs with secrets.`)
  for (const [id, job] of Object.entries(workflow.jobs)) {
    const least = permissionsOf[`${name}/${id}`] ?? {}
    if (!isSame(job.permissions, least)) faults.push(`The permissions of ${id} are not ${JSON.stringify(least)}.`)
    for (const { uses = '', run = '', shell, with: inputs = {} } of job.steps ?? []) {
      // A script for github-script is code, just as one for a shell.
      for (const code of [run, String(inputs['script'] ?? '')])
        for (const [, expression = ''] of code.matchAll(/\$\{\{(.*?)\}\}/gs))
          if (!harmless.test(expression.trim()))
            faults.push(`A script of ${id} has ${expression.trim()} in its text; give it to the script by \`env\`.`)
      if (/[^|]\|[^|]/.test(run) && (shell ?? workflow.defaults?.run?.shell) !== 'bash')
        faults.push(`A script of ${id} has a pipe, whose failure is lost; write \`shell: bash\`.`)
      if (!uses.startsWith('actions/checkout@')) continue
      if (inputs['persist-credentials'] !== false)
        faults.push(`${id} leaves the token in the checkout; write \`persist-credentials: false\`.`)
    }
  }
  return faults
}

/** Actions of other repositories must be pinned by a commit, which does not move, with their version in a comment. */
const pins = (text: string): string[] => {
  const faults: string[] = []
  visit(parseDocument(text), {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || key.value !== 'uses' || !isScalar(value)) return
      const uses = String(value.value)
      if (uses.startsWith('./')) return
      if (!/^[^@]+@[0-9a-f]{40}$/.test(uses)) faults.push(`${uses} is not pinned by its commit.`)
      else if (!/^ v\d+\.\d+\.\d+$/.test(value.comment ?? '')) faults.push(`${uses} has no comment with its version.`)
    },
  })
  return faults
}

const isSame = (permissions: unknown, least: Readonly<Record<string, string>>): boolean =>
  JSON.stringify(Object.entries(permissions ?? {}).toSorted()) === JSON.stringify(Object.entries(least).toSorted()) &&
  typeof (permissions ?? {}) === 'object'

/**
 * In days: how old a release must be before Dependabot proposes it. Most malicious releases are found within a week.
 */
const fewestDays = 7

/** The faults of `.github/dependabot.yml`, one sentence each; empty if there are none. */
export const auditDependabot = (text: string): string[] => {
  const updates: { 'package-ecosystem': string; cooldown?: { 'default-days'?: number } }[] = parse(text).updates
  return ['npm', 'github-actions'].flatMap((ecosystem) => {
    const update = updates.find((candidate) => candidate['package-ecosystem'] === ecosystem)
    if (!update) return [`${ecosystem} is not updated.`]
    const isSlow = (update.cooldown?.['default-days'] ?? 0) >= fewestDays
    return isSlow ? [] : [`Updates of ${ecosystem} are not ${fewestDays} days old.`]
  })
}
