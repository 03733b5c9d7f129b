import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { githubAccess } from '../../src/nix/github-access.ts'
import { pin, withNix } from '../support/nix.ts'
import { startWebServer } from '../support/web-server.ts'

test('the token is in files that only this user can read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const lines = await githubAccess('ghs_secret', 'https://github.com', '', folder)
  expect(lines).toBe(`\nextra-access-tokens = github.com=ghs_secret\nnetrc-file = ${folder}/netrc\n`)
  expect(await readFile(join(folder, 'netrc'), 'utf8')).toBe(
    'machine github.com login x-access-token password ghs_secret\n',
  )
  expect((await stat(join(folder, 'netrc'))).mode & 0o777).toBe(0o600)
  await rm(folder, { recursive: true })
})

test.each([
  ['machine host login a password b\n', true],
  ['machine GitHub.com login a password b', false],
  ['default login a password b', true],
  ['machine\n"github.com"\nlogin a', false],
  ['# machine github.com\nmachine github.com.evil login a password b', true],
])('what the netrc file %j opens stays, and the token is %s before it', async (netrc, isAdded) => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  await githubAccess('ghs_secret', 'https://github.com', netrc, folder)
  const own = isAdded ? 'machine github.com login x-access-token password ghs_secret\n' : ''
  expect(await readFile(join(folder, 'netrc'), 'utf8')).toBe(own + netrc)
  await rm(folder, { recursive: true })
})

test('Nix sends it for an archive of a private repository, and to no other server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  await using github = await startWebServer({})
  await using other = await startWebServer({})
  const onGithub = github.url.replace('127.0.0.1', 'localhost')
  const config = await githubAccess('ghs_secret', onGithub, '', folder)
  await withNix(async (nix) => {
    for (const url of [`${onGithub}/a.tar.gz`, `${other.url}/a.tar.gz`])
      await expect(pin({ type: 'tarball', url, narHash: undefined }, { nix })).rejects.toThrow('404')
  }, config)
  const basic = `Basic ${Buffer.from('x-access-token:ghs_secret').toString('base64')}`
  expect(new Set(github.requests.map(({ authorization }) => authorization))).toEqual(new Set([basic]))
  expect(other.requests.map(({ authorization }) => authorization).filter(Boolean)).toEqual([])
  await rm(folder, { recursive: true })
})
