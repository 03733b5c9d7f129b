import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { optional, parseJson, record, string } from '../check.ts'
import { command } from '../command.ts'
import type { CacheService, Context } from '../context.ts'
import { messages } from '../error.ts'
import type { Log } from '../log.ts'
import { assertPlain } from './assert-plain.ts'
import type { CacheRequest } from './cache-process.ts'

/**
 * The Actions cache. Entries never change once they are saved. No trouble with the cache is an error: it is told as a notice, and
 * the run goes on without. An entry that was saved by a folder of one name is found by a folder of that name only.
 */
export type ActionsCache = {
  /**
   * Makes `folder` from what was saved under `key`, or else from the newest entry whose key starts with one of `prefixes`, the
   * first that fits. Returns that entry's key, and `undefined` if there is none or none in time; `deadline` is in milliseconds.
   * Nothing says that the files are what this action saved: whoever may write to the cache in this scope may have.
   */
  readonly restore: (
    folder: string,
    key: string,
    prefixes: readonly string[],
    deadline: number,
  ) => Promise<string | undefined>
  /** Saves the files in `folder` under `key`; `false` if there is such an entry, or if it cannot be saved in time. */
  readonly save: (folder: string, key: string, deadline: number) => Promise<boolean>
}

export type CacheTools = {
  readonly environment: Context['childEnvironment']
  /** A folder that only this run can read. */
  readonly temporary: string
  readonly log: Log
  /** Masks a value in the log from then on. */
  readonly secret: (value: string) => void
  readonly signal: AbortSignal
}

/** The cache service that the runner names; where there is none, nothing is found and nothing saved. */
export const openActionsCache = (service: Context['cacheService'], tools: CacheTools): ActionsCache => {
  const { log, signal } = tools
  if (!service) {
    log.debug('There is no Actions cache, since this is not a step of a GitHub Actions job.')
    return { restore: async () => undefined, save: async () => false }
  }
  let isLate = false

  /** `undefined` after trouble, which is told, and where an earlier answer did not come in time. */
  const attempt = async <T>(
    failed: string,
    deadline: number,
    work: (ends: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> => {
    if (isLate) return undefined
    const ends = AbortSignal.timeout(deadline)
    try {
      return await work(AbortSignal.any([signal, ends]))
    } catch (error) {
      signal.throwIfAborted()
      isLate = ends.aborted
      const reason = isLate ? `it has not answered within ${deadline / 1000} s` : messages(error).join(': ')
      log.notice(`${failed}: ${reason}. The run goes on without it.`)
      return undefined
    }
  }

  return {
    restore: (folder, key, prefixes, deadline) =>
      attempt('Nothing was restored from the Actions cache', deadline, async (signal) => {
        await using staging = await temporaryFolder(tools)
        const path = basename(folder)
        const request: CacheRequest = { operation: 'restore', path, key, prefixes, token: service.token }
        const found = await ask(request, staging.path, service, { ...tools, signal })
        if (found === undefined) return undefined
        const restored = join(staging.path, path)
        await assertPlain(restored).catch((cause) => {
          throw new Error(`the entry ${found} is not one that this action saved`, { cause })
        })
        await rm(folder, { recursive: true, force: true })
        await rename(restored, folder)
        return found
      }),
    save: async (folder, key, deadline) => {
      const saved = await attempt('Nothing was saved to the Actions cache', deadline, (signal) => {
        const request: CacheRequest = {
          operation: 'save',
          path: basename(folder),
          key,
          prefixes: [],
          token: service.token,
        }
        return ask(request, dirname(folder), service, { ...tools, signal })
      })
      return saved !== undefined
    },
  }
}

/** Has the request answered by a process of its own, and returns the key. Throws an `Error` if the answer is a complaint. */
const ask = async (
  request: CacheRequest,
  workspace: string,
  service: CacheService,
  tools: CacheTools,
): Promise<string | undefined> => {
  const { environment, signal } = tools
  await using folder = await temporaryFolder(tools)
  await writeFile(join(folder.path, 'tar'), tar, { mode: 0o700 })
  const printed = await command(process.execPath, [service.program, 'actions-cache'], {
    environment: {
      ...environment,
      ...service.environment,
      PATH: [folder.path, environment['PATH']].join(delimiter),
      RUNNER_TEMP: folder.path,
      GITHUB_WORKSPACE: workspace,
    },
    input: JSON.stringify(request),
    endAll: true,
    signal,
  })
  return readAnswer(printed.replaceAll(`${folder.path}/`, ''), tools)
}

const temporaryFolder = async (tools: CacheTools): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tools.temporary, 'actions-cache-'))
  return { path, [Symbol.asyncDispose]: () => remove(path, tools) }
}

/** An archive may have folders that nobody may look into. */
const remove = async (folder: string, { environment, signal }: CacheTools): Promise<void> => {
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

/** Why nothing can be saved is in a line for debugging only; 409 is that there is such an entry. */
const complaints = /^::(?:warning::|error::|debug::Failed to reserve cache: (?:Error: )?)(.*)/

/** The last line is ours; the library's own, before it, say what went wrong. */
const readAnswer = (printed: string, { log, secret }: CacheTools): string | undefined => {
  const lines = printed.trimEnd().split('\n')
  const key = optional(string)(record(parseJson(lines.pop() ?? '', 'the answer'), 'the answer')['key'], 'key')
  const masks = lines.flatMap((line) => /^::add-mask::(.+)/.exec(line)?.[1] ?? [])
  const shown = (line: string): string => masks.reduce((text, mask) => text.replaceAll(mask, '***'), line)
  masks.forEach(secret)
  for (const line of lines)
    if (line && !line.startsWith('::add-mask::')) log.debug(shown(line.replace(/^::debug::/, '')))
  const [complaint] = lines.flatMap((line) => complaints.exec(line)?.[1] ?? [])
  if (key === undefined && complaint !== undefined && !complaint.includes('(409)'))
    throw new Error(shown(complaint.replace(/\.$/, '')))
  return key
}
