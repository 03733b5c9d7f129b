import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finished, run } from './process.ts'

/**
 * This file is a program that needs a `/nix` of its own. It runs `count` installations at once, `rounds` times, each
 * time with an empty `/nix`. It also kills an installation at each of `moments`, in milliseconds, beside a second one
 * if the moment is even, and then runs one more. It prints the results as JSON, a `RaceResult` for each round and one
 * for all moments.
 */
export type RaceResult = {
  /** The exit codes and output of the processes that were not killed, sorted. */
  readonly outcomes: readonly string[]
  /** The names in `/nix` afterwards, sorted. */
  readonly left: readonly string[]
  /** The result of Nix's check of its store. */
  readonly verified: Pick<Finished, 'exitCode' | 'stderr'>
}

const [count = '', rounds = '', moments = '', ...args] = process.argv.slice(2)
const start = () =>
  spawn(process.execPath, [join(import.meta.dirname, 'install-process.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

const outcome = async (child: ReturnType<typeof start>): Promise<string> => {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const [code] = await once(child, 'close')
  return `${code}: ${text.trim()}`
}

const look = async (outcomes: readonly string[]): Promise<RaceResult> => {
  const bin = outcomes[0]?.replace(/^0: /, '') ?? ''
  const env = { PATH: `${bin}:${process.env['PATH']}`, NIX_CONF_DIR: '/nix/etc/nix', HOME: args[2] ?? '' }
  const { exitCode, stderr } = await run(join(bin, 'nix-store'), ['--verify', '--check-contents'], { env })
  return { outcomes: [...outcomes].sort(), left: (await readdir('/nix')).sort(), verified: { exitCode, stderr } }
}

const results: RaceResult[] = []
for (let round = 0; round < Number(rounds); round++) {
  await Promise.all((await readdir('/nix')).map((name) => rm(join('/nix', name), { recursive: true })))
  results.push(await look(await Promise.all(Array.from({ length: Number(count) }, () => outcome(start())))))
}
for (const moment of moments.split(',').filter(Boolean)) {
  const killed = start()
  const other = Number(moment) % 2 === 0 ? outcome(start()) : undefined
  const ended = once(killed, 'exit')
  await sleep(Number(moment))
  killed.kill('SIGKILL')
  await Promise.all([ended, other])
}
if (moments) results.push(await look([await outcome(start())]))
console.log(JSON.stringify(results))
