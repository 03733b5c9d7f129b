import { delimiter } from 'node:path'
import { text } from 'node:stream/consumers'
import { list, parseJson, record, string } from '../lib/check.ts'
import { messages } from '../lib/error.ts'
import { plainFolder } from './plain-folder.ts'

/** `path` is a folder in the working directory. Its name is part of what identifies an entry; its location is not. */
export type CacheRequest = {
  readonly operation: 'restore' | 'save'
  readonly path: string
  readonly key: string
  readonly prefixes: readonly string[]
  readonly token: string
}

/** The key of the restored or saved entry, or `null`. Printed as JSON on the last line of standard output. */
type CacheAnswer = { readonly key: string | null }

/**
 * Restores or saves one entry of the Actions cache, as the request on standard input says, in the folder
 * GITHUB_WORKSPACE. `@actions/cache` reads its settings from the environment, prints workflow commands, retries for
 * half a minute when it cannot succeed, and cannot be cancelled. So it runs in a process of its own that can be killed,
 * and only `openActionsCache` reads its output. The folder RUNNER_TEMP comes first in PATH.
 */
export const answerCacheRequest = async (self: NodeJS.Process): Promise<void> => {
  let answer: CacheAnswer = { key: null }
  try {
    const request = parseRequest(await text(self.stdin))
    await using workspace = await plainFolder(self.env['GITHUB_WORKSPACE'] ?? '')
    await using temporary = await plainFolder(self.env['RUNNER_TEMP'] ?? '')
    const folders = { GITHUB_WORKSPACE: workspace.path, RUNNER_TEMP: temporary.path }
    self.chdir(workspace.path)
    self.cwd = () => workspace.path
    // The library reads its token from the environment; the programs that it starts inherit only enumerable properties.
    self.env = Object.defineProperty(
      { ...self.env, ...folders, PATH: [temporary.path, self.env['PATH']].join(delimiter) },
      'ACTIONS_RUNTIME_TOKEN',
      { value: request.token, enumerable: false },
    )
    answer = { key: (await restoreOrSave(request)) ?? null }
  } catch (error) {
    self.stdout.write(`::error::${messages(error).join(': ').replaceAll('\n', ' ')}\n`)
  }
  self.stdout.write(`\n${JSON.stringify(answer)}\n`)
}

const restoreOrSave = async ({ operation, path, key, prefixes }: CacheRequest): Promise<string | undefined> => {
  // The import takes a tenth of a second, so only this process does it. In a chunk of its own, ncc would lose the
  // licenses of the other packages.
  const { restoreCache, saveCache } = await import(/* webpackMode: "eager" */ '@actions/cache')
  if (operation === 'restore') return restoreCache([path], key, [...prefixes])
  return (await saveCache([path], key)) < 0 ? undefined : key
}

const parseRequest = (text: string): CacheRequest => {
  const request = record(parseJson(text, 'the request'), 'the request')
  const field = (name: string): string => string(request[name], name)
  return {
    operation: field('operation') === 'save' ? 'save' : 'restore',
    path: field('path'),
    key: field('key'),
    prefixes: list(string)(request['prefixes'], 'prefixes'),
    token: field('token'),
  }
}
