import { execFileSync } from 'node:child_process'
import { link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { smallSet } from '../support/nix.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Places on the machine: a workspace, and a folder outside of it with a file that must not change. */
type Places = { readonly workspace: string; readonly outside: string; readonly precious: string }

const withPlaces = async <T>(work: (places: Places) => Promise<T>): Promise<T> => {
  await using folder = await temporaryFolder('output')
  const [workspace, outside] = [join(folder.path, 'workspace'), join(folder.path, 'outside')]
  await mkdir(workspace)
  await mkdir(outside)
  const precious = join(outside, 'precious')
  await writeFile(precious, 'precious')
  const result = await work({ workspace, outside, precious })
  expect(await readFile(precious, 'utf8')).toBe('precious')
  expect(await readdir(outside)).toEqual(['precious'])
  return result
}

const build = (workspace: string, output: string): Promise<StepResult> =>
  runAction(
    { packages: 'tree', nixpkgs: smallSet, image: '127.0.0.1:1/x', push: 'false', output },
    {
      workspace,
      // A step that waits for a pipe would never end.
      started: (child) => void setTimeout(() => child.kill('SIGKILL'), 60_000).unref(),
    },
  )

const layout = async (folder: string): Promise<void> => {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true })
}

/** The content that a checkout (links) or an earlier step of the job (all of these) can leave in the workspace. */
const planted: Record<string, (places: Places) => Promise<unknown>> = {
  'the folder is a link': ({ workspace, outside }) => symlink(outside, join(workspace, 'a')),
  'the folder is a link to nothing': ({ workspace, outside }) => symlink(join(outside, 'new'), join(workspace, 'a')),
  'blobs is a link': async ({ workspace, outside }) => {
    await mkdir(join(workspace, 'a'))
    await symlink(outside, join(workspace, 'a', 'blobs'))
  },
  'blobs/sha256 is a link': async ({ workspace, outside }) => {
    await mkdir(join(workspace, 'a', 'blobs'), { recursive: true })
    await symlink(outside, join(workspace, 'a', 'blobs', 'sha256'))
  },
  'index.json is a link': async ({ workspace, precious }) => {
    await layout(join(workspace, 'a'))
    await symlink(precious, join(workspace, 'a', 'index.json'))
  },
  'index.json is another name of a file': async ({ workspace, precious }) => {
    await layout(join(workspace, 'a'))
    await link(precious, join(workspace, 'a', 'index.json'))
  },
  'index.json is a pipe': async ({ workspace }) => {
    await layout(join(workspace, 'a'))
    execFileSync('mkfifo', [join(workspace, 'a', 'index.json')])
  },
  'manifest.json is a link': async ({ workspace, precious }) => {
    await layout(join(workspace, 'a'))
    await symlink(precious, join(workspace, 'a', 'manifest.json'))
  },
  'oci-layout is a link': async ({ workspace, precious }) => {
    await layout(join(workspace, 'a'))
    await symlink(precious, join(workspace, 'a', 'oci-layout'))
  },
}

for (const [what, plant] of Object.entries(planted))
  attack('checkout', 'runner', `names an output where ${what}`, () =>
    withPlaces(async (places) => {
      await plant(places)
      const { exitCode, errors, log } = await build(places.workspace, 'a')
      expect(exitCode, log).toBe(1)
      expect(errors).toEqual([expect.stringMatching(/^`output` is \S+\/a, where \S+ is a link/)])
      return true
    }),
  )

attack('checkout', 'runner', 'names an archive that is a link', () =>
  withPlaces(async ({ workspace, precious }) => {
    await symlink(precious, join(workspace, 'a.tar'))
    const { exitCode, errors, log } = await build(workspace, 'a.tar')
    expect(exitCode, log).toBe(1)
    expect(errors).toEqual([expect.stringMatching(/^`output` is \S+\/a\.tar, where \S+\/a\.tar is a link/)])
    return true
  }),
)

attack('checkout', 'runner', 'has a link where an archive is while it is written', () =>
  withPlaces(async ({ workspace, precious }) => {
    await symlink(precious, join(workspace, '.a.tar.unfinished'))
    const { exitCode, log } = await build(workspace, 'a.tar')
    expect(exitCode, log).toBe(0)
    expect(await readdir(workspace)).toEqual(['a.tar'])
    return false
  }),
)

attack('checkout', 'runner', 'has a link out of the workspace above the output', () =>
  withPlaces(async ({ workspace, outside }) => {
    await mkdir(join(workspace, 'build'))
    await symlink(outside, join(workspace, 'build', 'out'))
    for (const output of ['build/out/image', join(workspace, 'build', '.', 'out', 'image')]) {
      const { exitCode, errors, log } = await build(workspace, output)
      expect(exitCode, log).toBe(1)
      expect(errors).toEqual([expect.stringMatching(/, where \S+\/build\/out is a link/)])
    }
    return true
  }),
)

describe('with the digests of the image known,', () => {
  attack('checkout', 'runner', 'has a link for each blob of the layout', () =>
    withPlaces(async ({ workspace, precious }) => {
      const first = await build(workspace, 'first')
      expect(first.exitCode, first.log).toBe(0)
      const digests = await readdir(join(workspace, 'first', 'blobs', 'sha256'))
      expect(digests.length).toBeGreaterThan(3)
      await layout(join(workspace, 'a'))
      for (const digest of digests) await symlink(precious, join(workspace, 'a', 'blobs', 'sha256', digest))
      const { exitCode, errors, log } = await build(workspace, 'a')
      expect(exitCode, log).toBe(1)
      expect(errors).toEqual([expect.stringMatching(/blobs\/sha256\/[0-9a-f]{64} is a link/)])
      return true
    }),
  )

  attack('checkout', 'runner', 'has a link where the bill of materials and the metadata will be', () =>
    withPlaces(async ({ workspace, precious }) => {
      const temporary = join(workspace, 'temporary')
      const run = (): Promise<StepResult> =>
        runAction(
          { packages: 'tree', nixpkgs: smallSet, image: '127.0.0.1:1/x', push: 'false' },
          { workspace, environment: { RUNNER_TEMP: temporary } },
        )
      const first = await run()
      const names = await readdir(temporary)
      expect(names.length).toBeGreaterThan(0)
      for (const name of names) {
        execFileSync('rm', [join(temporary, name)])
        await symlink(precious, join(temporary, name))
      }
      const second = await run()
      expect(second.exitCode, second.log).toBe(0)
      expect(second.sbom).toBe(first.sbom)
      return false
    }),
  )
})
