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
 * The Actions cache. Saved entries never change. A fault of the cache is never an error: it is logged as a notice, and
 * the run continues without the cache. `restore` finds only entries that were saved from a folder of the same name.
 */
export type ActionsCache = {
  /**
   * Replaces `folder` with the entry saved under `key`, or else with the newest entry whose key starts with the first
   * of `prefixes` that fits. Returns the entry's key, or `undefined` if there is no such entry, or none that arrives in
   * time and can be used. `deadline` is in milliseconds and meant for small entries. Nothing proves that this action
   * saved the files: anybody who can write to the cache in this scope may have done so.
   */
  readonly restore: (
    folder: string,
    key: string,
    prefixes: readonly string[],
    deadline?: number,
  ) => Promise<string | undefined>
  /** Marks a restored entry as unusable, so that `save` uses another key for the folder. */
  readonly reject: (folder: string, entry: string) => void
  /**
   * Saves the files in `folder` under `key`. If this run rejected an entry for the folder, the key gets a suffix:
   * otherwise the same content would have the key of the rejected entry. Returns the key, or `undefined` if there is
   * such an entry already or the files cannot be saved in time.
   */
  readonly save: (folder: string, key: string, deadline?: number) => Promise<string | undefined>
}

type CacheJob = Pick<Job, 'environment' | 'log' | 'secret' | 'signal' | 'temporary'>

/** Opens the cache service that the runner names. Without one, nothing is restored or saved. */
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

/** `@actions/cache` runs in a process of its own; see `answerCacheRequest` for the reasons. */
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

/** An archive may contain folders that nobody may read. */
const remove = async (folder: string, { environment, signal }: CacheJob): Promise<void> => {
  const attempt = () => rm(folder, { recursive: true, force: true, maxRetries: 5 })
  await attempt().catch(async () => {
    await command('chmod', ['-R', 'u+rwX', folder], { environment, signal })
    await attempt()
  })
}

/**
 * Keeps `-P` away from the tar that the library starts: with it, tar would write wherever an archive says (see
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

/** The key of the entry that was found or saved, even if it cannot be used, and the reason why it cannot. */
type CacheReply = { readonly found: string | undefined; readonly complaint: string | undefined }

/** The library prints why it cannot save in a debug line only. A 409 means that the entry exists already. */
const complaints = /^::(?:warning::|error::|debug::Failed to reserve cache: (?:Error: )?)(.*)/s

/** The library prints an entry's key before it downloads the entry. */
const hits = /^Cache hit for(?: restore-key)?: (.+)$/

/** The last line is the answer of `answerCacheRequest`. The library's own lines, before it, say what went wrong. */
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
