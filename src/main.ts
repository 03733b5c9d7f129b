import { appendFile, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import * as core from '@actions/core'
import { answerCacheRequest } from './cache/cache-process.ts'
import { readContext } from './inputs/context.ts'
import { readInputs } from './inputs/read-inputs.ts'
import { secretsOf } from './inputs/secrets-of.ts'
import { explain, messages, UserError } from './lib/error.ts'
import { withJob } from './lib/job.ts'
import { actionsLog, annotation } from './lib/log.ts'
import { redact } from './lib/redact.ts'
import { writeNewFile } from './lib/write-new-file.ts'
import { publicEndpoints } from './nix/endpoints.ts'
import { modulesBeside } from './nix/modules.ts'
import type { Outside } from './nix/prepare.ts'
import { artifactLine } from './report/artifacts.ts'
import { metadata } from './report/metadata.ts'
import type { Outcome } from './report/outcome.ts'
import { outputs } from './report/outputs.ts'
import { sbom } from './report/sbom.ts'
import { summary } from './report/summary.ts'
import { run } from './run.ts'

// Layers are compressed on Node's thread pool, which has four threads by default, however many cores there are.
process.env['UV_THREADPOOL_SIZE'] ??= `${Math.max(4, availableParallelism())}`

// The action starts itself as a child process for requests to the Actions cache.
if (process.argv[2] === 'actions-cache') {
  await answerCacheRequest(process)
  process.exit()
}

/** The runner masks these in its log. The action hides them as well, since logs are also read elsewhere. */
const secrets = new Set<string>()
const secret = (value: string): void => {
  if (value === '' || secrets.has(value)) return
  secrets.add(value)
  core.setSecret(value)
}
const hide = (text: string): string => redact(text, secrets)
const log = actionsLog(hide)

const cancel = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cancel.abort())

try {
  for (const value of secretsOf((name) => core.getInput(name))) secret(value)
  const context = readContext(process.env, import.meta.filename)
  const inputs = readInputs((name) => core.getInput(name), context)
  for (const sentence of modulesBeside(inputs.packages)) log.warning(sentence)
  const outside: Outside = {
    endpoints: { ...publicEndpoints, ownGithub: context.github.url },
    githubToken: inputs.githubToken,
    addToJob: ({ bin, variables }) => {
      core.addPath(bin)
      for (const [name, value] of Object.entries(variables)) core.exportVariable(name, value)
    },
  }
  const { temporary: parent, childEnvironment: environment } = context
  const outcome = await withJob({ log, secret, signal: cancel.signal, environment, parent }, (job) =>
    run(inputs, context, outside, job),
  )
  const { fileName, text, output } = metadata(outcome)
  const files = {
    sbom: inputs.sbom ? await writeSbom(outcome, context.temporary) : undefined,
    metadata: await writeReport(join(context.temporary, fileName), text, 'metadata', '; make room there'),
  }
  for (const [name, value] of Object.entries(outputs(outcome, output, files))) core.setOutput(name, value)
  if (process.env['GITHUB_STEP_SUMMARY']) await core.summary.addRaw(summary(outcome)).write()
  await declareArtifact(outcome).catch((error) =>
    log.notice(
      `The image is pushed, but the runner was not told of it (${messages(error).join(': ')}); give actions/attest the name and the digest.`,
    ),
  )
} catch (error) {
  if (cancel.signal.aborted) {
    core.info('Cancelled; nothing was tagged that is not complete.')
    process.exit(130)
  }
  const { sentence, details } = explain(error)
  for (const line of details.split('\n')) log.info(line)
  core.setFailed(annotation(hide(sentence)))
}

async function writeSbom(outcome: Outcome, folder: string): Promise<string> {
  const { fileName, text, notice } = sbom(outcome)
  if (notice) log.notice(notice)
  return writeReport(join(folder, fileName), text, 'bill of materials', '; make room there, or set `sbom: false`')
}

/** Returns the path. The file stays, since later steps read it. */
async function writeReport(file: string, text: string, what: string, advice: string): Promise<string> {
  await writeNewFile(file, text).catch((cause) => {
    throw new UserError(
      `The image is complete, but its ${what} cannot be written to ${file} (${cause.code})${advice}.`,
      {
        cause,
      },
    )
  })
  return file
}

async function declareArtifact(outcome: Outcome): Promise<void> {
  const { GITHUB_ARTIFACTS, GITHUB_ARTIFACTS_LIST } = process.env
  if (!GITHUB_ARTIFACTS || !outcome.pushed) return
  const line = artifactLine(outcome, GITHUB_ARTIFACTS_LIST ? await readFile(GITHUB_ARTIFACTS_LIST, 'utf8') : '')
  if (line) await appendFile(GITHUB_ARTIFACTS, line)
  else
    log.info(
      'This job has another image of the same name already, and the runner keeps one; give actions/attest the name and the digest of this one.',
    )
}
