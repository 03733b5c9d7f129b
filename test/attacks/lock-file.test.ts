import { execFileSync } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runAction, type StepResult } from '../support/action.ts'
import { attack } from '../support/attack.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Runs the built action with a `flake.lock`, and ends it, as a runner would, if it does not end by itself. */
const runWith = async (prepare: (file: string, folder: string) => Promise<void>): Promise<StepResult> => {
  await using workspace = await temporaryFolder('lock')
  await prepare(join(workspace.path, 'flake.lock'), workspace.path)
  let timer: NodeJS.Timeout | undefined
  const step = await runAction(
    { packages: 'tree', nixpkgs: 'flake.lock', image: '127.0.0.1:1/x', push: 'false' },
    {
      workspace: workspace.path,
      started: (child) => {
        timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      },
    },
  )
  clearTimeout(timer)
  return step
}

const isTold = ({ exitCode, errors, log }: StepResult, sentence: string): boolean => {
  expect(exitCode, log).toBe(1)
  expect(errors, log).toEqual([expect.stringContaining(sentence)])
  return true
}

const lock = (inputs: Record<string, unknown>, nodes: Record<string, unknown> = {}): string =>
  JSON.stringify({ version: 7, root: 'root', nodes: { root: { inputs }, ...nodes } })

attack('checkout', 'end of the run', 'a flake.lock of 1 kB whose inputs follow each other 2^30 times', async () => {
  const names = Array.from({ length: 30 }, (_, index) => `a${index}`)
  const doubling = names.map((name, index) => [name, index === 0 ? 'root' : [names[index - 1], names[index - 1]]])
  const text = lock(
    { nixpkgs: ['a29', 'a29', 'end'], end: 'end', ...Object.fromEntries(doubling) },
    Object.fromEntries(names.map((name) => [name, 0])),
  )
  expect(text.length).toBeLessThan(1100)
  return isTold(await runWith((file) => writeFile(file, text)), 'is locked without a `narHash`')
})

attack('checkout', 'end of the run', 'a flake.lock whose inputs follow each other in a circle', async () => {
  const text = lock({ nixpkgs: ['b', 'x'], b: ['c'], c: ['nixpkgs'] })
  return isTold(await runWith((file) => writeFile(file, text)), 'follows other inputs in a circle')
})

attack('checkout', 'end of the run', 'a flake.lock whose inputs follow each other 100,000 deep', async () => {
  const chain = Array.from({ length: 100_000 }, (_, index) => [`a${index}`, [`a${index + 1}`]])
  const text = lock({ nixpkgs: ['a0'], ...Object.fromEntries(chain) })
  return isTold(await runWith((file) => writeFile(file, text)), 'follows other inputs more than 100 deep')
})

attack('checkout', 'end of the run', 'a flake.lock that is a link to a device without an end', async () =>
  isTold(await runWith((file) => symlink('/dev/zero', file)), 'cannot be read (ENOTFILE)'),
)

attack('checkout', 'end of the run', 'a flake.lock that is a pipe which nobody writes to', async () => {
  const step = await runWith(async (file) => void execFileSync('mkfifo', [file]))
  return isTold(step, 'cannot be read (ENOTFILE)')
})

attack('checkout', 'end of the run', 'a flake.lock of brackets, a million deep', async () => {
  const nested = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
  const text = `{"root":"root","nodes":{"root":{"inputs":{"nixpkgs":["a",${nested}],"a":"a"}},"a":{}}}`
  return isTold(await runWith((file) => writeFile(file, text)), 'follows an input that is not there')
})

attack('checkout', 'credentials', 'popularity data that is a link to the login of the runner', async () => {
  await using home = await temporaryFolder('home')
  const secret = 'c29tZWJvZHk6c2VjcmV0'
  await writeFile(join(home.path, 'config.json'), JSON.stringify({ auths: { 'ghcr.io': { auth: secret } } }))
  await using workspace = await temporaryFolder('workspace')
  await symlink(join(home.path, 'config.json'), join(workspace.path, 'popularity.json'))
  const step = await runAction(
    { packages: 'tree', layering: 'popularity', popularity: 'popularity.json', push: 'false' },
    { workspace: workspace.path },
  )
  expect(step.log).not.toContain(secret)
  return isTold(step, 'the popularity data has no whole number from 0 at "auths"')
})
