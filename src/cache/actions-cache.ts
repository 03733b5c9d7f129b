import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { optional, parseJson, record, string } from '../lib/check.ts'
import { command } from '../lib/command.ts'
import type { Job } from '../lib/job.ts'
import { redact } from '../lib/redact.ts'
import { assertPlain } from './assert-plain.ts'
import type { CacheBudget } from './cache-budget.ts'
import type { CacheRequest } from './cache-process.ts'
import type { CacheService } from './cache-service.ts'
import { plainNames } from './plain-folder.ts'
import { shortHash } from './store-cache-key.ts'

/**
 * The Actions cache. Entries never change once they are saved. No trouble with the cache is an error: it is told as a
 * notice, and the run goes on without. An entry that was saved by a folder of one name is found by a folder of that
 * name only.
 */
export type ActionsCache = {
  /**
   * Makes `folder` from what was saved under `key`, or else from the newest entry whose key starts with one of
   * `prefixes`, the first that fits. Returns that entry's key, and `undefined` if there is none, none in time or none
   * that can be used; `deadline` is in milliseconds, for what is small. Nothing says that the files are what this
   * action saved: whoever may write to the cache in this scope may have.
   */
  readonly restore: (
    folder: string,
    key: string,
    prefixes: readonly string[],
    deadline?: number,
  ) => Promise<string | undefined>
  /** Says of an entry that was restored that it is not as it should be. */
  readonly reject: (folder: string, entry: string) => void
  /**
   * Saves the files in `folder` under `key`, or under a longer one if what this run found for the folder could not be
   * used: the same content would otherwise have the key of the entry that is in its place. Returns the key; `undefined`
   * if there is such an entry, or if it cannot be saved in time.
   */
  readonly save: (folder: string, key: string, deadline?: number) => Promise<string | undefined>
}

type CacheJob = Pick<Job, 'environment' | 'log' | 'secret' | 'signal' | 'temporary'>

/** The cache service that the runner names; where there is none, nothing is found and nothing saved. */
export const openActionsCache = (
  service: CacheService | undefined,
  budget: CacheBudget,
  job: CacheJob,
): ActionsCache => {
  if (!service) {
    job.log.debug('There is no Actions cache, since this is not a step of a GitHub Actions job.')
    return { restore: async () => undefined, reject: () => {}, save: async () => undefined }
  }
  const { token } = service
  const rejected = new Map<string, string[]>()
  const reject: ActionsCache['reject'] = (folder, entry) => {
    rejected.set(folder, [...(rejected.get(folder) ?? []), entry])
  }

  return {
    reject,
    restore: (folder, key, prefixes, deadline) =>
      budget.within('Nothing was restored from the Actions cache', deadline, async (signal) => {
        await using staging = await temporaryFolder(job)
        const path = basename(folder)
        const request: CacheRequest = { operation: 'restore', path, key, prefixes, token }
        const { found, complaint } = await ask(request, staging.path, service, { ...job, signal })
        if (found === undefined && complaint === undefined) return undefined
        try {
          if (complaint !== undefined) throw new Error(found ? `${complaint}, of the entry ${found}` : complaint)
          const restored = join(staging.path, path)
          await assertPlain(restored).catch((cause) => {
            throw new Error(`the entry ${found} is not one that this action saved`, { cause })
          })
          await rm(folder, { recursive: true, force: true })
          await rename(restored, folder)
          return found
        } catch (error) {
          if (found !== undefined) reject(folder, found)
          throw error
        }
      }),
    save: (folder, key, deadline) =>
      budget.within('Nothing was saved to the Actions cache', deadline, async (signal) => {
        const inPlaceOf = rejected.get(folder)
        const entry = inPlaceOf ? `${key}-${shortHash(...inPlaceOf)}` : key
        const request: CacheRequest = { operation: 'save', path: basename(folder), key: entry, prefixes: [], token }
        const { found, complaint } = await ask(request, dirname(folder), service, { ...job, signal })
        if (complaint !== undefined) throw new Error(complaint)
        return found
      }),
  }
}

/** Has the request answered by a process of its own. */
const ask = async (
  request: CacheRequest,
  workspace: string,
  service: CacheService,
  job: CacheJob,
): Promise<CacheReply> => {
  const { environment, signal } = job
  await using folder = await temporaryFolder(job)
  await writeFile(join(folder.path, 'tar'), tar, { mode: 0o700 })
  const printed = await command(process.execPath, [service.program, 'actions-cache'], {
    environment: {
      ...environment,
      ...service.environment,
      RUNNER_TEMP: folder.path,
      GITHUB_WORKSPACE: workspace,
    },
    input: JSON.stringify(request),
    endAll: true,
    signal,
  })
  return readReply(printed, job)
}

const temporaryFolder = async (job: CacheJob): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(job.temporary, 'actions-cache-'))
  return { path, [Symbol.asyncDispose]: () => remove(path, job) }
}

/** An archive may have folders that nobody may look into. */
const remove = async (folder: string, { environment, signal }: CacheJob): Promise<void> => {
  const attempt = () => rm(folder, { recursive: true, force: true, maxRetries: 5 })
  await attempt().catch(async () => {
    await command('chmod', ['-R', 'u+rwX', folder], { environment, signal })
    await attempt()
  })
}

/**
 * The tar that the library starts does not get `-P`, with which it would write wherever an archive says (see
 * docs/decisions/0006-actions-cache.md).
 */
const tar = `#!/bin/sh
PATH=\${PATH#*:}
for argument; do
  shift
  [ "$argument" = -P ] || set -- "$@" "$argument"
done
exec tar "$@"
`

/** The key of the entry that was found or saved, even if it cannot be used, and why it cannot. */
type CacheReply = { readonly found: string | undefined; readonly complaint: string | undefined }

/** Why nothing can be saved is in a line for debugging only; 409 is that there is such an entry. */
const complaints = /^::(?:warning::|error::|debug::Failed to reserve cache: (?:Error: )?)(.*)/s

/** The library names an entry before it fetches it. */
const hits = /^Cache hit for(?: restore-key)?: (.+)$/

/** The last line is ours; the library's own, before it, say what went wrong. */
const readReply = (printed: string, { log, secret }: CacheJob): CacheReply => {
  const lines = printed.trimEnd().split('\n')
  const key = optional(string)(record(parseJson(lines.pop() ?? '', 'the answer'), 'the answer')['key'], 'key')
  const texts = lines.map((line) => (line.startsWith('::') ? decoded(line) : line).replaceAll(plainNames, ''))
  const masks = texts.flatMap((text) => /^::add-mask::(.+)/s.exec(text)?.[1] ?? [])
  const shown = (text: string): string => redact(text, masks)
  masks.forEach(secret)
  for (const text of texts)
    if (text && !text.startsWith('::add-mask::')) log.debug(shown(text.replace(/^::debug::/, '')))
  if (key !== undefined) return { found: key, complaint: undefined }
  const [complaint] = texts.flatMap((text) => complaints.exec(text)?.[1] ?? [])
  const [hit] = texts.flatMap((text) => hits.exec(text)?.[1] ?? [])
  const isTold = complaint !== undefined && !complaint.includes('(409)')
  return { found: hit, complaint: isTold ? shown(complaint.replaceAll(/\s+/g, ' ').replace(/\.$/, '')) : undefined }
}

/** Source: `escapeData` in `@actions/core`. */
const decoded = (command: string): string =>
  command.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
