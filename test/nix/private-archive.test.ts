import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import { downloadPrivateArchive, ownApi } from '../../src/nix/private-archive.ts'
import { evaluate, pin } from '../support/nix.ts'
import { type PackageSources, startPackageSources } from '../support/package-sources.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Content, startWebServer } from '../support/web-server.ts'

const token = 'ghs_token-of-the-job'
let sources: PackageSources
beforeAll(async () => {
  sources = await startPackageSources()
})
afterAll(() => sources[Symbol.asyncDispose]())

/**
 * GitHub with a private repository. Its web server knows nothing of it for such a token, and the API sends to another
 * server with a token of its own in the URL, as codeload.github.com has it.
 */
const startGithub = async () => {
  const archive = await readFile(`${sources.folder}/set.tar.gz`)
  const codeload = await startWebServer({
    '/archive': (request, response) =>
      request.url === '/archive?token=once' ? response.end(archive) : response.writeHead(404).end(),
  })
  const tarball: Content = ({ headers }, response) =>
    headers.authorization === `Bearer ${token}`
      ? response.writeHead(302, { location: `${codeload.url}/archive?token=once` }).end()
      : response.writeHead(404).end()
  const server = await startWebServer({
    [`/repos/owner/set/tarball/${sources.revision}`]: tarball,
    [`/api/v3/repos/owner/set/tarball/${sources.revision}`]: tarball,
    '/repos/owner/set/commits/main': sources.revision,
    '/public/set/archive/v1.tar.gz': (_, response) => response.writeHead(302, { location: codeload.url }).end(),
    '/public/login/archive/v1.tar.gz': (_, response) =>
      response.writeHead(302, { location: `${codeload.url}/public/login/tar.gz/v1` }).end(),
    '/login/set/archive/v1.tar.gz': (_, response) => response.writeHead(302, { location: '/login?return_to=x' }).end(),
  })
  const endpoints = { ...sources.endpoints, github: server.url, githubApi: server.url, ownGithub: server.url }
  return {
    server,
    codeload,
    endpoints,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await codeload[Symbol.asyncDispose]()
    },
  }
}

test('a private repository is fetched by the API, and evaluates to the same image', async () => {
  await using github = await startGithub()
  const { endpoints, codeload } = github
  const source = await pin(
    { type: 'github', owner: 'owner', repo: 'set', ref: 'main' },
    { endpoints, githubToken: token },
  )
  expect(source).toMatchObject({
    type: 'github',
    url: `${github.server.url}/owner/set/archive/${sources.revision}.tar.gz`,
    revision: sources.revision,
    narHash: sources.narHash,
  })
  expect(await evaluate(['tree'], { source })).toBe(await evaluate(['tree']))
  // The other server has its own token, and gets no other.
  expect(codeload.requests.map(({ authorization }) => authorization)).toEqual([undefined])
})

test('what neither the token nor a netrc file opens is told with what the token needs', async () => {
  await using github = await startGithub()
  const { endpoints } = github
  const refused = pin(
    { type: 'github', owner: 'owner', repo: 'other', ref: 'f'.repeat(40) },
    { endpoints, githubToken: token },
  )
  await expect(refused).rejects.toThrow(/its repository is private and `github-token` may not read it/)
})

describe('an archive is downloaded by the API', () => {
  const download = async (url: string, github: Awaited<ReturnType<typeof startGithub>>, own?: string) => {
    await using folder = await temporaryFolder('private')
    const { signal } = new AbortController()
    const endpoints = { ...github.endpoints, ...(own && { ownGithub: github.server.url, github: own }) }
    const access = { endpoints, githubToken: token }
    const archive = await downloadPrivateArchive(url, access, { signal, temporary: folder.path })
    if (archive === undefined) return undefined
    return 'file' in archive ? (await readFile(archive.file)).length : archive.refusal.message
  }
  const size = async () => (await readFile(`${sources.folder}/set.tar.gz`)).length

  test('of a GitHub server too', async () => {
    await using github = await startGithub()
    const url = `${github.server.url}/owner/set/archive/${sources.revision}.tar.gz`
    expect(await download(url, github, 'https://github.com')).toBe(await size())
    expect(github.server.requests.map(({ path }) => path)).toContain(
      `/api/v3/repos/owner/set/tarball/${sources.revision}`,
    )
  })

  test.each([
    ['if everybody may read it', '/public/set/archive/v1.tar.gz'],
    ['if everybody may read it, whatever its name', '/public/login/archive/v1.tar.gz'],
    ['if its path leads elsewhere', '/owner/set/archive/../../../user/repos.tar.gz'],
    ['if it is nixpkgs', '/NixOS/nixpkgs/archive/v1.tar.gz'],
    ['if it is no archive', '/owner/set/releases/download/v1/set.tar.gz'],
  ])('not %s', async (_, path) => {
    await using github = await startGithub()
    expect(await download(`${github.server.url}${path}`, github)).toBe(undefined)
    expect(github.server.requests.map(({ authorization }) => authorization).filter(Boolean)).toEqual([])
  })

  test('not if another server has it', async () => {
    await using github = await startGithub()
    await using other = await startWebServer({})
    expect(await download(`${other.url}/owner/set/archive/v1.tar.gz`, github)).toBe(undefined)
    expect(other.requests).toEqual([])
  })

  test.each([['/owner/other/archive/v1.tar.gz'], ['/login/set/archive/v1.tar.gz']])(
    'and the user is told what the token lacks: %s',
    async (path) => {
      await using github = await startGithub()
      const url = `${github.server.url}${path}`
      expect(await download(url, github)).toBe(
        `${url} cannot be fetched: it is not there, or its repository is private and \`github-token\` may not read it; check the URL, or give the token of a GitHub App or a fine-grained one with \`contents: read\` for ${path.split('/archive')[0]?.slice(1)}.`,
      )
    },
  )
})

test.each([
  ['https://github.com', 'https://api.github.com'],
  ['https://octocorp.ghe.com', 'https://api.octocorp.ghe.com'],
  ['https://git.example.org', 'https://git.example.org/api/v3'],
])('the API of %s is %s', (ownGithub, api) => {
  expect(ownApi({ ...publicEndpoints, ownGithub })).toBe(api)
})
