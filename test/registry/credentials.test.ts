import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CredentialSources, findCredentials } from '../../src/registry/credentials.ts'

let dockerConfig: string
beforeEach(async () => {
  dockerConfig = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterEach(() => rm(dockerConfig, { recursive: true }))

const sources = (): CredentialSources => ({
  credentials: undefined,
  dockerConfig,
  tokenHosts: [],
  helperEnvironment: { PATH: `${dockerConfig}:/usr/bin:/bin` },
  actor: 'somebody',
  githubToken: 'ghs_token',
  github: { registry: 'ghcr.io' },
  signal: new AbortController().signal,
})
const writeConfig = (config: unknown): Promise<void> =>
  writeFile(join(dockerConfig, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') })

test('hosts that give tokens go with a login, and not with the token of the workflow', async () => {
  const given = { ...sources(), tokenHosts: ['gives.example.org'] }
  const credentials = { username: 'me', password: 'word' }
  const inputs = await findCredentials({ registry: 'ghcr.io', name: 'tools' }, { ...given, credentials })
  expect(inputs).toEqual({ ...credentials, tokenHosts: ['gives.example.org'] })
  expect(await findCredentials({ registry: 'ghcr.io', name: 'tools' }, given)).toEqual({
    ...{ username: 'somebody', password: 'ghs_token' },
  })
  await writeConfig({ auths: { 'example.org': auth('me:word') } })
  const stored = await findCredentials({ registry: 'example.org', name: 'tools' }, given)
  expect(stored).toEqual({ ...credentials, tokenHosts: ['gives.example.org'] })
})

test('of the inputs come first', async () => {
  await writeConfig({ auths: { 'ghcr.io': auth('stored:x') } })
  const credentials = { username: 'me', password: 'mine' }
  expect(await findCredentials({ registry: 'ghcr.io', name: 'owner/tools' }, { ...sources(), credentials })).toBe(
    credentials,
  )
})

test('that docker/login-action left are used for exactly their host', async () => {
  await writeConfig({ auths: { 'example.org': auth('me:pass:word'), 'https://index.docker.io/v1/': auth('hub:x') } })
  expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual({
    username: 'me',
    password: 'pass:word',
  })
  expect(await findCredentials({ registry: 'docker.io', name: 'owner/tools' }, sources())).toEqual({
    username: 'hub',
    password: 'x',
  })
  expect(await findCredentials({ registry: 'registry.example.org', name: 'owner/tools' }, sources())).toBeUndefined()
  expect(await findCredentials({ registry: 'example.org:5000', name: 'owner/tools' }, sources())).toBeUndefined()
})

test('the workflow’s token is for ghcr.io alone', async () => {
  expect(await findCredentials({ registry: 'ghcr.io', name: 'owner/tools' }, sources())).toEqual({
    username: 'somebody',
    password: 'ghs_token',
  })
  for (const other of ['docker.io', 'quay.io', 'ghcr.io.example.org', 'ghcr.io:444', '127.0.0.1:5000'])
    expect(await findCredentials({ registry: other, name: 'owner/tools' }, sources())).toBeUndefined()
})

test('that are stored win over the workflow’s token', async () => {
  await writeConfig({ auths: { 'ghcr.io': auth('bot:pat') } })
  expect(await findCredentials({ registry: 'ghcr.io', name: 'owner/tools' }, sources())).toEqual({
    username: 'bot',
    password: 'pat',
  })
})

test('an entry without a secret, as docker login leaves it, is none', async () => {
  await writeConfig({ auths: { 'example.org': {} } })
  expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toBeUndefined()
})

test.each([
  'example.org',
  'https://example.org',
  'https://example.org/',
  'https://example.org/v1/',
  'https://example.org/v2/',
  'example.org/owner',
  'example.org/owner/tools',
])('that are stored for %s are found', async (key) => {
  await writeConfig({
    auths: { [key]: auth('me:pass'), 'example.org/other': auth('no:x'), 'example.org/own': auth('no:x') },
  })
  expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual({
    username: 'me',
    password: 'pass',
  })
})

test.each([
  ['padded with zeros', auth('me:pa\0ss\0\0'), { username: 'me', password: 'pa\0ss' }],
  ['in plain fields', { username: 'me', password: 'pass' }, { username: 'me', password: 'pass' }],
  [
    'an identity token, as Azure’s login leaves it',
    { ...auth('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
    { username: '<token>', password: 'refresh' },
  ],
  ['without a password', auth('me:'), undefined],
])('that are stored %s are understood', async (_, entry, expected) => {
  await writeConfig({ auths: { 'example.org': entry } })
  expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual(expected)
})

test.each(['{', '', ' ', 'null', '[]', '[{"auths":{}}]', '"auths"', '7', 'true', '\0'])(
  'a file that holds %j is no Docker configuration, and the error says what to do',
  async (text) => {
    await writeConfig(text)
    await expect(findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).rejects.toThrow(
      `${dockerConfig}/config.json is not a Docker configuration; log in again, or give \`username\` and \`password\`.`,
    )
  },
)

test.each<[string, unknown]>([
  ['auths', null],
  ['auths', [auth('me:pass')]],
  ['auths', 'example.org'],
  ['auths', 7],
  ['auths', { 'example.org': null }],
  ['auths', { 'example.org': 'bWU6cGFzcw==' }],
  ['auths', { 'example.org': [auth('me:pass')] }],
  ['auths', { 'example.org': { auth: { text: 'me:pass' } } }],
  ['auths', { 'example.org': { auth: ['bWU6cGFzcw=='], username: 7, password: true, identitytoken: {} } }],
  ['auths', { 'example.org': { username: 'me' } }],
  ['auths', { 'example.org': { password: 'pass' } }],
  ['auths', { 'example.org': auth(':pass') }],
  ['auths', { 'example.org': { auth: '%%%' } }],
  ['auths', { 'EXAMPLE.ORG': auth('me:pass') }],
  ['credHelpers', null],
  ['credHelpers', ['cloud']],
  ['credHelpers', { 'example.org': ['cloud'] }],
  ['credHelpers', { 'example.org': { name: 'cloud' } }],
  ['credsStore', null],
  ['credsStore', ''],
  ['credsStore', ['cloud']],
  ['credsStore', {}],
])('%s that are %j are no credentials', async (name, value) => {
  await writeConfig({ [name]: value })
  expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toBeUndefined()
})

test('nothing is taken for an entry that every object has', async () => {
  for (const registry of ['constructor', 'toString', '__proto__'])
    for (const config of [{ auths: {} }, { credHelpers: {} }, {}]) {
      await writeConfig(config)
      expect(await findCredentials({ registry, name: 'tools' }, sources())).toBeUndefined()
    }
  await writeConfig('{"auths":{"__proto__":{"username":"me","password":"pass"}}}')
  expect(await findCredentials({ registry: 'example.org', name: 'tools' }, sources())).toBeUndefined()
  expect(Object.hasOwn(Object.prototype, 'username')).toBe(false)
})

test.each<[string, string]>([
  ['a hundred thousand lists, one in the other', `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},`],
  ['a hundred thousand other entries', `{"x":[${'{"a":"b"},'.repeat(100_000)}0],`],
])('a file with %s is read all the same', async (_, start) => {
  await writeConfig(`${start}"auths":{"example.org":${JSON.stringify(auth('me:pass'))}}}`)
  expect(await findCredentials({ registry: 'example.org', name: 'tools' }, sources())).toEqual({
    username: 'me',
    password: 'pass',
  })
})

test('without a file, and without a folder for it, there are none', async () => {
  expect(await findCredentials({ registry: 'example.org', name: 'tools' }, sources())).toBeUndefined()
  const nowhere = { ...sources(), dockerConfig: undefined }
  expect(await findCredentials({ registry: 'example.org', name: 'tools' }, nowhere)).toBeUndefined()
  expect(await findCredentials({ registry: 'ghcr.io', name: 'tools' }, { ...nowhere, githubToken: '' })).toBeUndefined()
})

test('a file that cannot be read is an error that says what to do', async () => {
  await mkdir(join(dockerConfig, 'config.json'))
  await expect(findCredentials({ registry: 'example.org', name: 'tools' }, sources())).rejects.toThrow(
    `${dockerConfig}/config.json cannot be read (EISDIR); log in with docker/login-action, or give \`username\` and \`password\`.`,
  )
})

describe('a credential helper', () => {
  /** Makes a helper that records its arguments and its input. */
  const helper = async (name: string, answer: string, exitCode = 0): Promise<void> => {
    const file = join(dockerConfig, `docker-credential-${name}`)
    const script = `#!/bin/sh\nprintf '%s ' "$*" > "$0.asked"\ncat >> "$0.asked"\nprintf '%s' '${answer}'\nexit ${exitCode}\n`
    await writeFile(file, script)
    await chmod(file, 0o755)
  }
  const asked = (name: string): Promise<string> =>
    readFile(join(dockerConfig, `docker-credential-${name}.asked`), 'utf8').catch(() => 'nothing')
  const known = JSON.stringify({ ServerURL: 'example.org', Username: 'me', Secret: 'kept' })

  test('for the registry is asked, with the host on its standard input', async () => {
    await helper('cloud', known)
    await writeConfig({ credHelpers: { 'example.org': 'cloud' } })
    expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual({
      username: 'me',
      password: 'kept',
    })
    expect(await asked('cloud')).toBe('get example.org')
  })

  test('for the registry comes before the one for all, and that one before the file', async () => {
    await helper('cloud', known)
    await helper('all', JSON.stringify({ Username: 'all', Secret: 'x' }))
    const auths = { 'example.org': auth('stored:x'), 'other.org': auth('stored:x') }
    await writeConfig({ credHelpers: { 'example.org': 'cloud' }, credsStore: 'all', auths })
    expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual({
      username: 'me',
      password: 'kept',
    })
    expect(await asked('all')).toBe('nothing')
    expect(await findCredentials({ registry: 'other.org', name: 'owner/tools' }, sources())).toEqual({
      username: 'all',
      password: 'x',
    })
  })

  test('is asked for Docker Hub under the address that Docker has for it', async () => {
    await helper('all', known)
    await writeConfig({ credsStore: 'all' })
    await findCredentials({ registry: 'docker.io', name: 'owner/tools' }, sources())
    expect(await asked('all')).toBe('get https://index.docker.io/v1/')
  })

  test('that knows nothing leaves it to the file and to the workflow’s token', async () => {
    await helper('all', 'credentials not found in native keychain', 1)
    await writeConfig({ credsStore: 'all', auths: { 'example.org': auth('stored:x') } })
    expect(await findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).toEqual({
      username: 'stored',
      password: 'x',
    })
    expect(await findCredentials({ registry: 'ghcr.io', name: 'owner/tools' }, sources())).toEqual({
      username: 'somebody',
      password: 'ghs_token',
    })
  })

  test('that keeps an identity token gives it under the name that Docker has for one', async () => {
    await helper('all', JSON.stringify({ Username: '<token>', Secret: 'refresh' }))
    await writeConfig({ credsStore: 'all' })
    expect(await findCredentials({ registry: 'example.org', name: 'tools' }, sources())).toEqual({
      username: '<token>',
      password: 'refresh',
    })
  })

  test('gets no secret of the workflow in its environment', async () => {
    await writeFile(join(dockerConfig, 'docker-credential-env'), '#!/bin/sh\nenv > "$0.asked"\n')
    await chmod(join(dockerConfig, 'docker-credential-env'), 0o755)
    await writeConfig({ credsStore: 'env' })
    await expect(findCredentials({ registry: 'ghcr.io', name: 'owner/tools' }, sources())).rejects.toThrow()
    expect(await asked('env')).not.toContain('ghs_token')
  })

  test.each<[string, string, number, string]>([
    ['fails', 'no such region', 3, 'docker-credential-all ended with exit code 3'],
    ['says nothing', '', 0, 'docker-credential-all is not JSON'],
    ['gives something else', '{"Username":"me","Secret":["hidden"]}', 0, 'its answer has no user and secret'],
  ])('that %s is an error that says what to do, without what it said', async (_, answer, exitCode, reason) => {
    await helper('all', answer, exitCode)
    await writeConfig({ credsStore: 'all' })
    await expect(findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).rejects.toThrow(
      `docker-credential-all, which Docker's config.json names, gives no credentials for example.org (${reason}); log in again, or give \`username\` and \`password\`.`,
    )
  })

  test.each([
    ['gone', 'docker-credential-gone cannot be started: it is not on the PATH.'],
    ['../../bin/sh', 'it is not the name of a helper'],
  ])('%s is not started', async (credsStore, reason) => {
    await writeConfig({ credsStore })
    await expect(findCredentials({ registry: 'example.org', name: 'owner/tools' }, sources())).rejects.toThrow(reason)
  })
})
