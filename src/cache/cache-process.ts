import { delimiter } from 'node:path'
import { text } from 'node:stream/consumers'
import { list, parseJson, record, string } from '../lib/check.ts'
import { messages } from '../lib/error.ts'
import { plainFolder } from './plain-folder.ts'

/** `path` is a folder in the working directory; it, and not where that is, is part of what an entry is found by. */
export type CacheRequest = {
  readonly operation: 'restore' | 'save'
  readonly path: string
  readonly key: string
  readonly prefixes: readonly string[]
  readonly token: string
}

/** The key of what was restored or saved, or `null`. It is the last line of standard output, as JSON. */
type CacheAnswer = { readonly key: string | null }

/**
 * Restores or saves one entry of the Actions cache, as standard input asks for, in the folder GITHUB_WORKSPACE.
 * `@actions/cache` takes what it needs from the environment, prints workflow commands, goes on for half a minute where
 * it cannot succeed, and cannot be told to stop; so it has a process of its own, which can be ended, and what it prints
 * is read by nobody but `openActionsCache`. The first program of a name is the one in the folder RUNNER_TEMP.
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
    // The library looks for its token there; the programs that it starts get what can be listed.
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
  // It takes a tenth of a second to start, so only this process does. In a chunk of its own, ncc would lose the others'
  // licenses.
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
