import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import * as core from '@actions/core'
import { readContext } from './context.ts'
import { explain } from './error.ts'
import { readInputs } from './inputs.ts'
import { actionsLog } from './log.ts'
import { publicEndpoints } from './nix/endpoints.ts'
import { outputs } from './report/outputs.ts'
import { summary } from './report/summary.ts'
import { run } from './run.ts'

// Layers are compressed on Node's thread pool, which has four threads however many cores there are.
process.env['UV_THREADPOOL_SIZE'] ??= `${Math.max(4, availableParallelism())}`

/** Inputs that must never be seen, whatever happens next. */
const secrets = ['password', 'github-token', 'cache-signing-key']

const cancel = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cancel.abort())

try {
  for (const value of secrets.map((name) => core.getInput(name))) if (value) core.setSecret(value)
  const context = readContext(process.env, dirname(import.meta.dirname))
  const inputs = readInputs((name) => core.getInput(name), context)
  const outcome = await run(inputs, context, {
    log: actionsLog,
    secret: core.setSecret,
    endpoints: publicEndpoints,
    signal: cancel.signal,
    addToJob: ({ bin, variables }) => {
      core.addPath(bin)
      for (const [name, value] of Object.entries(variables)) core.exportVariable(name, value)
    },
  })
  for (const [name, value] of Object.entries(outputs(outcome))) core.setOutput(name, value)
  if (process.env['GITHUB_STEP_SUMMARY']) await core.summary.addRaw(summary(outcome)).write()
} catch (error) {
  if (cancel.signal.aborted) {
    core.info('Cancelled; nothing was tagged that is not complete.')
    process.exit(130)
  }
  const { sentence, details } = explain(error)
  for (const line of details.split('\n')) actionsLog.info(line)
  core.setFailed(sentence)
}
