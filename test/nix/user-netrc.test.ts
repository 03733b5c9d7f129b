import { existsSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import { fetchSource } from '../../src/nix/fetch-source.ts'
import { identifySource } from '../../src/nix/identify-source.ts'
import { type NixRequest, prepareNix } from '../../src/nix/prepare.ts'
import { silentLog } from '../support/log.ts'
import { smallSet } from '../support/nix.ts'
import { newestNixLink, nixConfigFolder } from '../support/nix-places.ts'
import { output } from '../support/process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { startWebServer, type WebServer } from '../support/web-server.ts'

/** A private substituter and a private repository on GitHub, each with its own login. */
let folder: TemporaryFolder
let cache: WebServer
let github: WebServer
let path: string
let publicKey: string
const revision = 'a'.repeat(40)

const basic = (login: string): string => `Basic ${Buffer.from(login).toString('base64')}`
const behindLogin =
  (login: string, place: string) =>
  ({ url = '', headers }: IncomingMessage, response: ServerResponse): void => {
    const file = join(place, url)
    if (headers.authorization !== basic(login)) response.writeHead(401).end()
    else if (existsSync(file)) response.end(readFileSync(file))
    else response.writeHead(404).end()
  }

beforeAll(async () => {
  folder = await temporaryFolder('netrc')
  const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
  const file = (name: string): string => join(folder.path, name)
  await mkdir(file('content'))
  await writeFile(file('content/file'), `private ${folder.path}`)
  path = (await output('nix-store', ['--add', file('content')], { env })).trim()
  await output('nix-store', ['--generate-binary-cache-key', 'netrc-1', file('secret'), file('public')], { env })
  publicKey = await readFile(file('public'), 'utf8')
  const to = `file://${file('cache')}?secret-key=${file('secret')}`
  await output('nix', ['--extra-experimental-features', 'nix-command', 'copy', '--to', to, path], { env })
  await mkdir(file('github/somebody/set/archive'), { recursive: true })
  const archive = ['--create', '--gzip', '--file', file(`github/somebody/set/archive/${revision}.tar.gz`)]
  await output('tar', [...archive, '--directory', join(smallSet, '..'), 'small-set'])
  cache = await startWebServer({ '/': behindLogin('reader:cache-secret', file('cache')) })
  github = await startWebServer({ '/': behindLogin('x-access-token:ghs_secret', file('github')) })
})
afterAll(async () => {
  await cache[Symbol.asyncDispose]()
  await github[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

let runs = 0
type Place = { readonly config?: string; readonly environment?: Readonly<Record<string, string>> }

/** Lets Nix fetch the repository and substitute the path, into a store of its own. */
const useBoth = async (newest: boolean, place: (folder: string, netrc: string) => Promise<Place>): Promise<void> => {
  const run = join(folder.path, `run-${runs++}`)
  const temporary = join(run, 'temporary')
  await mkdir(temporary, { recursive: true })
  const netrc = join(run, 'my-netrc')
  await writeFile(netrc, '# machine localhost\nmachine 127.0.0.1\n  login reader\n  password cache-secret\n')
  const { config = '', environment: more } = await place(run, netrc)
  const environment = {
    PATH: newest ? `${join(newestNixLink, 'bin')}:${process.env['PATH']}` : (process.env['PATH'] ?? ''),
    HOME: run,
    NIX_CONF_DIR: nixConfigFolder,
    NIX_REMOTE: `local?root=${run}/store`,
    ...more,
  }
  const host = github.url.replace('127.0.0.1', 'localhost')
  const endpoints = { ...publicEndpoints, github: host, githubApi: host, ownGithub: host }
  const { signal } = new AbortController()
  const source = { type: 'github', owner: 'somebody', repo: 'set', ref: revision } as const
  const request: NixRequest = {
    source,
    system: 'x86_64-linux',
    sandbox: 'auto',
    secretFolders: [],
    install: 'never',
    config: `substituters = ${cache.url}\ntrusted-public-keys = ${publicKey}\n${config}`,
    release: { version: '', url: '', sha256: '' },
  }
  const said: string[] = []
  const log = { ...silentLog, info: (message: string) => said.push(message) }
  const access = { endpoints, githubToken: 'ghs_secret', addToJob: () => {} }
  const job = { environment, temporary, signal, log, secret: () => {} }
  const { nix } = await prepareNix(request, access, job)
  expect(said).toEqual([expect.stringMatching(/^nix-store \(Nix\) /)])
  expect((await fetchSource(await identifySource(source, access, job), nix, access, job)).narHash).toMatch(/^sha256-/)
  await nix('nix-store', ['--realise', path])
  expect(await readFile(join(run, 'store', path, 'file'), 'utf8')).toContain('private')

  const logins = (server: WebServer) =>
    new Set(server.requests.map(({ authorization }) => authorization).filter(Boolean))
  expect(logins(cache)).toEqual(new Set([basic('reader:cache-secret')]))
  // This GitHub knows the token by netrc alone, so that its API is asked before.
  expect(logins(github)).toEqual(new Set(['Bearer ghs_secret', basic('x-access-token:ghs_secret')]))
  expect((await stat(join(temporary, 'netrc'))).mode & 0o777).toBe(0o600)
}

const configFolder = async (run: string, netrc: string | undefined): Promise<string> => {
  const to = join(run, 'etc')
  await mkdir(to)
  await writeFile(
    join(to, 'nix.conf'),
    `${await readFile(join(nixConfigFolder, 'nix.conf'), 'utf8')}${netrc ? `netrc-file = ${netrc}\n` : ''}`,
  )
  return to
}

describe.each([false, true])(
  'with the newest Nix: %s, a private substituter opens beside a private repository, by',
  (newest) => {
    test.each<[string, (run: string, netrc: string) => Promise<Place>]>([
      ['`nix-config`', async (_, netrc) => ({ config: `netrc-file = ${netrc}` })],
      [
        'nix.conf of the machine',
        async (run, netrc) => ({ environment: { NIX_CONF_DIR: await configFolder(run, netrc) } }),
      ],
      [
        'the netrc file beside it',
        async (run, netrc) => {
          const to = await configFolder(run, undefined)
          await copyFile(netrc, join(to, 'netrc'))
          return { environment: { NIX_CONF_DIR: to } }
        },
      ],
      [
        'nix.conf of the user',
        async (run, netrc) => {
          await mkdir(join(run, '.config', 'nix'), { recursive: true })
          await writeFile(join(run, '.config', 'nix', 'nix.conf'), `netrc-file = ${netrc}\n`)
          return {}
        },
      ],
      [
        'a file that another one includes',
        async (run, netrc) => {
          await writeFile(join(run, 'more.conf'), `netrc-file = ${netrc}\n`)
          await writeFile(join(run, 'user.conf'), `include ${run}/more.conf\n`)
          return { environment: { NIX_USER_CONF_FILES: join(run, 'user.conf') } }
        },
      ],
    ])('%s', (_, place) => useBoth(newest, place))
  },
)

test.each<[string, (netrc: string) => Promise<unknown>]>([
  ['is not there', () => Promise.resolve()],
  ['is no file', (netrc) => output('mkfifo', [netrc])],
  [
    'cannot be read',
    async (netrc) => {
      await mkdir(netrc)
      await chmod(netrc, 0)
    },
  ],
])('a netrc file that %s is no error', async (_, make) => {
  await using run = await temporaryFolder('netrc')
  await mkdir(join(run.path, 'temporary'))
  await make(join(run.path, 'netrc'))
  const { signal } = new AbortController()
  const request: NixRequest = {
    source: { type: 'github', owner: 'o', repo: 'r', ref: 'main' },
    system: 'x86_64-linux',
    sandbox: 'auto',
    secretFolders: [],
    install: 'never',
    config: `netrc-file = ${run.path}/netrc`,
    release: { version: '', url: '', sha256: '' },
  }
  const environment = { PATH: process.env['PATH'] ?? '', HOME: run.path, NIX_CONF_DIR: nixConfigFolder }
  const temporary = join(run.path, 'temporary')
  const access = { endpoints: publicEndpoints, githubToken: 'ghs_secret', addToJob: () => {} }
  await prepareNix(request, access, { environment, temporary, signal, log: silentLog })
  expect(await readFile(join(temporary, 'netrc'), 'utf8')).toBe(
    'machine github.com login x-access-token password ghs_secret\n',
  )
})
