import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CredentialSources, findCredentials } from '../../src/registry/credentials.ts'

let dockerConfig: string
beforeEach(async () => {
  dockerConfig = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterEach(() => rm(dockerConfig, { recursive: true }))

const sources = (): CredentialSources => ({
  credentials: undefined,
  dockerConfig,
  actor: 'somebody',
  githubToken: 'ghs_token',
})
const writeConfig = (config: unknown): Promise<void> =>
  writeFile(join(dockerConfig, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') })

test('of the inputs come first', async () => {
  await writeConfig({ auths: { 'ghcr.io': auth('stored:x') } })
  const credentials = { username: 'me', password: 'mine' }
  expect(await findCredentials('ghcr.io', { ...sources(), credentials })).toBe(credentials)
})

test('that docker/login-action left are used for exactly their host', async () => {
  await writeConfig({ auths: { 'example.org': auth('me:pass:word'), 'https://index.docker.io/v1/': auth('hub:x') } })
  expect(await findCredentials('example.org', sources())).toEqual({ username: 'me', password: 'pass:word' })
  expect(await findCredentials('docker.io', sources())).toEqual({ username: 'hub', password: 'x' })
  expect(await findCredentials('registry.example.org', sources())).toBeUndefined()
  expect(await findCredentials('example.org:5000', sources())).toBeUndefined()
})

test('the workflow’s token is for ghcr.io alone', async () => {
  expect(await findCredentials('ghcr.io', sources())).toEqual({ username: 'somebody', password: 'ghs_token' })
  for (const other of ['docker.io', 'quay.io', 'ghcr.io.example.org', 'ghcr.io:444', '127.0.0.1:5000'])
    expect(await findCredentials(other, sources())).toBeUndefined()
})

test('that are stored win over the workflow’s token', async () => {
  await writeConfig({ auths: { 'ghcr.io': auth('bot:pat') } })
  expect(await findCredentials('ghcr.io', sources())).toEqual({ username: 'bot', password: 'pat' })
})

test('an entry without a secret, as credential helpers leave it, is none', async () => {
  await writeConfig({ auths: { 'example.org': {} } })
  expect(await findCredentials('example.org', sources())).toBeUndefined()
})

test('a file that is no Docker configuration is an error that says what to do', async () => {
  await writeConfig('{')
  await expect(findCredentials('example.org', sources())).rejects.toThrow(
    `${dockerConfig}/config.json is not a Docker configuration; log in again, or give \`username\` and \`password\`.`,
  )
})
