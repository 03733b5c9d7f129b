import { dirname } from 'node:path'
import * as core from '@actions/core'
import { readContext } from './context.ts'
import { explain } from './error.ts'
import { readInputs } from './inputs.ts'
import { actionsLog } from './log.ts'
import { publicEndpoints } from './nix/source.ts'
import { outputs } from './report/outputs.ts'
import { summary } from './report/summary.ts'
import { run } from './run.ts'

/** Inputs that must never be seen, whatever happens next. */
const secrets = ['password', 'github-token', 'cache-signing-key']

try {
  for (const value of secrets.map((name) => core.getInput(name))) if (value) core.setSecret(value)
  const context = readContext(process.env, dirname(import.meta.dirname))
  const inputs = readInputs((name) => core.getInput(name), context)
  const outcome = await run(inputs, context, { log: actionsLog, secret: core.setSecret, endpoints: publicEndpoints })
  for (const [name, value] of Object.entries(outputs(outcome))) core.setOutput(name, value)
  if (process.env['GITHUB_STEP_SUMMARY']) await core.summary.addRaw(summary(outcome)).write()
} catch (error) {
  const { sentence, details } = explain(error)
  if (details) core.info(details)
  core.setFailed(sentence)
}
