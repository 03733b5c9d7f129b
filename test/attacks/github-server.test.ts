import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { readContext } from '../../src/inputs/context.ts'
import { githubServer } from '../../src/lib/github-server.ts'
import { type Endpoints, publicEndpoints } from '../../src/nix/endpoints.ts'
import { fetchSource } from '../../src/nix/fetch-source.ts'
import { identifySource } from '../../src/nix/identify-source.ts'
import { prepareNix } from '../../src/nix/prepare.ts'
import type { SourceReference } from '../../src/nix/source-reference.ts'
import { findCredentials } from '../../src/registry/credentials.ts'
import { runAction } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { silentLog } from '../support/log.ts'
import { smallSet, withNix } from '../support/nix.ts'
import { type PackageSources, startPackageSources } from '../support/package-sources.ts'
import { startWebServer } from '../support/web-server.ts'

const token = 'ghs_token-of-the-job'
const enterprise = 'https://ghe.example.org'

/** The password that a workflow on this GitHub server uses for a registry. */
const passwordFor = async (registry: string, server: string): Promise<string | undefined> => {
  const { signal } = new AbortController()
  const environment = { RUNNER_OS: 'Linux', RUNNER_ARCH: 'X64', RUNNER_TEMP: '/tmp', GITHUB_WORKSPACE: '/tmp' }
  const context = readContext({ ...environment, GITHUB_SERVER_URL: server }, '/action/dist/index.js')
  const found = await findCredentials(
    { registry, name: 'owner/tools' },
    { ...context, credentials: undefined, tokenHosts: ['gives.example.org'], githubToken: token, signal },
  )
  return found?.password
}

attack('registry', 'credentials', 'another GitHub has the registry of the image', async () => {
  expect(await passwordFor('ghcr.io', enterprise)).toBe(undefined)
  expect(await passwordFor('containers.ghe.example.org', enterprise)).toBe(token)
  expect(await passwordFor('containers.octocorp.ghe.com', 'https://octocorp.ghe.com/')).toBe(token)
  expect(await passwordFor('containers.other.ghe.com', 'https://octocorp.ghe.com')).toBe(undefined)
  expect(await passwordFor('containers.ghe.example.org:5000', enterprise)).toBe(undefined)
  expect(await passwordFor('ghcr.io', 'https://GitHub.com/')).toBe(token)
  for (const other of ['containers.github.com', 'containers.ghe.example.org', 'ghe.example.org', 'github.com'])
    expect(await passwordFor(other, 'https://github.com')).toBe(undefined)
  // The registry then says what is missing.
  return true
})

attack('registry', 'credentials', 'another GitHub has the registry by default', async () => {
  const inputs = { packages: 'tree', nixpkgs: smallSet, push: 'false' }
  const { outputs, exitCode, log } = await runAction(inputs, { environment: { GITHUB_SERVER_URL: enterprise } })
  expect(exitCode, log).toBe(0)
  expect(outputs['image']).toBe('containers.ghe.example.org/owner/repository')
  return false
})

const noRelease = { version: '', url: '', sha256: '' }

/**
 * Fetches a source from a server that stands for github.com and its API. Returns the authorizations that the server
 * got.
 */
const authorizationsOf = async (
  source: SourceReference,
  sources: PackageSources,
  endpoints: Endpoints,
): Promise<string[]> => {
  const before = sources.server.requests.length
  await withNix(async (_, tools) => {
    const access = { endpoints, githubToken: token, addToJob: () => {} }
    const request = { install: 'never', release: noRelease, sandbox: 'auto', secretFolders: [], system: '' } as const
    const { nix } = await prepareNix({ ...request, source, config: '' }, access, { ...tools, log: silentLog })
    await fetchSource(await identifySource(source, access, tools), nix, access, tools)
  })
  const requests = sources.server.requests.slice(before)
  expect(requests.length).toBeGreaterThan(0)
  return requests.flatMap(({ authorization = [] }) => authorization)
}

attack('source server', 'credentials', 'packages come from github.com in a workflow of another GitHub', async () => {
  await using sources = await startPackageSources()
  const { server, revision } = sources
  const elsewhere = { ...sources.endpoints, ownGithub: enterprise }
  const archive = `${server.url}/somebody/set/archive/${revision}.tar.gz`
  const kinds: readonly SourceReference[] = [
    { type: 'github', owner: 'somebody', repo: 'set', ref: 'release/25.11' },
    { type: 'tarball', url: archive, narHash: undefined },
    { type: 'channel', channel: 'nixos-25.11' },
  ]
  for (const source of kinds) expect(await authorizationsOf(source, sources, elsewhere)).toEqual([])
  // github.com itself gets the token, since private sources need it.
  for (const source of kinds.slice(0, 2))
    expect(new Set(await authorizationsOf(source, sources, sources.endpoints)).size).toBeGreaterThan(0)
  return false
})

attack('checkout', 'credentials', 'has a lock file that names archives of another GitHub', async () => {
  const accessOn = (ownGithub: string): Promise<string> =>
    withNix(async (_, tools) => {
      const request = { install: 'never', release: noRelease, sandbox: 'auto', secretFolders: [], system: '' } as const
      const source = { type: 'lock', file: '/flake.lock', input: 'nixpkgs' } as const
      const access = { githubToken: token, endpoints: { ...publicEndpoints, ownGithub }, addToJob: () => {} }
      await prepareNix({ ...request, source, config: '' }, access, { ...tools, log: silentLog })
      const files = ['nix.conf', 'netrc'].map((name) => join(tools.temporary, name))
      return (await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))).join('')
    })
  const hosts = (text: string) => [...text.matchAll(/(?:access-tokens = |machine )([^ =]+)/g)].map(([, host]) => host)
  expect(hosts(await accessOn(enterprise))).toEqual(['ghe.example.org', 'ghe.example.org'])
  expect(hosts(await accessOn('https://github.com'))).toEqual(['github.com', 'github.com'])
  expect(await accessOn('https://example.org/git')).not.toContain(token)
  return false
})

attack('source server', 'credentials', 'the API of GitHub sends the request elsewhere', async () => {
  await using other = await startWebServer({ '/': (_, response) => void response.end('0'.repeat(40)) })
  await using api = await startWebServer({
    '/': (_, response) => void response.writeHead(302, { location: `${other.url}/commit` }).end(),
  })
  const { signal } = new AbortController()
  const endpoints = { ...publicEndpoints, githubApi: api.url, ownGithub: githubServer('').url }
  const source = { type: 'github', owner: 'a', repo: 'b', ref: 'main' } as const
  await identifySource(
    source,
    { endpoints, githubToken: token },
    { signal, log: silentLog, secret: () => {}, environment: {}, temporary: '' },
  )
  expect(api.requests.map(({ authorization }) => authorization)).toEqual([`Bearer ${token}`])
  expect(other.requests.map(({ authorization }) => authorization)).toEqual([undefined])
  return false
})

attack('source server', 'credentials', 'the API of GitHub sends a private archive elsewhere', async () => {
  await using sources = await startPackageSources()
  const { revision, folder } = sources
  await using other = await startWebServer({ '/archive': { file: join(folder, 'set.tar.gz') } })
  await using github = await startWebServer({
    [`/repos/owner/set/tarball/${revision}`]: (_, response) =>
      void response.writeHead(302, { location: `${other.url}/archive` }).end(),
  })
  const endpoints = { ...sources.endpoints, github: github.url, githubApi: github.url, ownGithub: github.url }
  const source = { type: 'github', owner: 'owner', repo: 'set', ref: revision } as const
  await withNix(async (nix, tools) => {
    const access = { endpoints, githubToken: token }
    const { narHash } = await fetchSource(await identifySource(source, access, tools), nix, access, tools)
    expect(narHash).toBe(sources.narHash)
  })
  expect(github.requests.map(({ authorization }) => authorization)).toContain(`Bearer ${token}`)
  expect(other.requests.map(({ authorization }) => authorization)).toEqual([undefined])
  return false
})
