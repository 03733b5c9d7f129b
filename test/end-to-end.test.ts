import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction, type StepResult } from './support/action.ts'
import { type Container, unpackImage } from './support/container.ts'
import { debianSet } from './support/debian-set.ts'
import { nixConfigFolder } from './support/nix-places.ts'
import { manifestDigest, type Registry, startRegistry, tags } from './support/registry.ts'

type Layer = { digest: string; storePaths: string[]; made: string; blob: string; size: number }
type Metadata = {
  packages: { attr: string; outPath: string }[]
  platforms: { layers: Layer[] }[]
  bytes: { closure: number; layers: number; uploaded: number }
  timings: Record<string, number>
}

let registry: Registry
let first: StepResult
let metadata: Metadata
let container: Container

const packages = 'bash coreutils git jq python3-minimal'
const push = async (tag: string, inputs: Record<string, string> = {}): Promise<StepResult> => {
  const step = await runAction({
    packages,
    nixpkgs: await debianSet(),
    image: `${registry.host}/Team/Tools`,
    tags: tag,
    ...inputs,
  })
  expect(step.exitCode, step.log).toBe(0)
  return step
}

beforeAll(async () => {
  registry = await startRegistry()
  first = await push('first')
  metadata = JSON.parse(first.metadataFile)
  container = await unpackImage(`docker://${registry.host}/team/tools:first`)
})
afterAll(async () => {
  await container[Symbol.asyncDispose]()
  await registry.stop()
})

describe('packages of a set that is not in the repository become an image', () => {
  test('whose programs run in a container', async () => {
    const run = async (...command: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await container.run(command)
      expect(exitCode, stderr).toBe(0)
      return stdout.trim()
    }
    expect(await run('git', '--version')).toMatch(/^git version 2\./)
    expect(await run('bash', '-c', `echo '{"a":[1,2]}' | jq -c .a`)).toBe('[1,2]')
    expect(await run('python3', '-c', 'print(6 * 7)')).toBe('42')
    expect(
      await run(
        'sh',
        '-c',
        'cd /tmp && git init -q r && cd r && git -c user.name=n -c user.email=e commit -q --allow-empty -m m && git log --format=%s',
      ),
    ).toBe('m')
  })

  test('that starts bash when nothing else is asked for', async () => {
    expect(container.config.config).toMatchObject({ Cmd: ['/bin/bash'] })
    expect((await container.run()).exitCode).toBe(0)
  })

  test('with users, a place for temporary files, /usr/bin/env and certificates', async () => {
    const script = [
      'set -e',
      'test "$(stat -c %a /tmp)$(stat -c %a /var/tmp)" = 17771777',
      'test -r "$SSL_CERT_FILE"',
      'test "$(id -un 0) $(id -gn 65534)" = "root nobody"',
      'printf "#!/usr/bin/env bash\\necho works" > /tmp/script',
      'chmod +x /tmp/script',
      '/tmp/script',
    ].join('\n')
    expect(await container.run(['bash', '-c', script])).toEqual({ exitCode: 0, stdout: 'works\n', stderr: '' })
  })

  test('that has every path of the closure in exactly one layer', () => {
    const inLayers = metadata.platforms[0]?.layers.flatMap(({ storePaths }) => storePaths) ?? []
    const outPaths = metadata.packages.map(({ outPath }) => outPath)
    const closure = execFileSync('nix-store', ['--query', '--requisites', ...outPaths], {
      encoding: 'utf8',
      env: { ...process.env, NIX_CONF_DIR: nixConfigFolder },
    })
    expect(inLayers.toSorted()).toEqual(closure.trimEnd().split('\n').sort())
    const inImage = execFileSync('ls', [`${container.rootfs}/nix/store`], { encoding: 'utf8' })
    expect(
      inImage
        .trimEnd()
        .split('\n')
        .map((name) => `/nix/store/${name}`)
        .sort(),
    ).toEqual(inLayers.toSorted())
  })

  test('under the digest that the registry gives, and the outputs say so', async () => {
    expect(first.outputs).toMatchObject({
      digest: await manifestDigest(registry, 'team/tools', 'first'),
      image: `${registry.host}/team/tools`,
      ref: `${registry.host}/team/tools@${first.outputs['digest']}`,
      tags: 'first',
      reused: 'none',
    })
    expect(await tags(registry, 'team/tools')).toContain('first')
  })

  test('with a summary that says what to pull and what is in it', () => {
    expect(first.summary).toContain(`docker pull ${first.outputs['ref']}`)
    for (const name of ['bash', 'coreutils', 'git', 'jq', 'python3-minimal'])
      expect(first.summary.replaceAll(/[[\]]/g, '')).toContain(`\n| ${name}`)
  })
})

test('the blobs are sent before the manifest, and the manifest before the tag', () => {
  const writes = registry
    .requests()
    .filter(({ method, path }) => method === 'PUT' && !path.includes('second'))
    .map(({ path }) => path)
  const manifest = writes.indexOf(`/v2/team/tools/manifests/${first.outputs['digest']}`)
  expect(writes.findLastIndex((path) => path.includes('/blobs/'))).toBeLessThan(manifest)
  expect(writes.indexOf('/v2/team/tools/manifests/first')).toBeGreaterThan(manifest)
})

test('the same run again gives the same digest, and sends no blob', async () => {
  const again = await push('again')
  expect(again.outputs['digest']).toBe(first.outputs['digest'])
  const { platforms, bytes } = JSON.parse(again.outputs['metadata'] ?? '') as Metadata
  const layers = platforms[0]?.layers ?? []
  expect(new Set(layers.map(({ made, blob }) => `${made}, ${blob}`))).toEqual(new Set(['built, there']))
  expect(bytes.uploaded).toBeLessThan(100_000)
})

test('the list in another order gives the same digest where no packages conflict', async () => {
  const other = await push('order', { packages: packages.split(' ').toReversed().join(', ') })
  expect(other.outputs['digest']).toBe(first.outputs['digest'])
})
