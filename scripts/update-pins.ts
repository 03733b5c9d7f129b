import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { publicEndpoints } from '../src/nix/endpoints.ts'
import { describeChanges, type Pins, updatePins } from './pins.ts'

/**
 * `npm run --silent update-pins`: brings `src/nix/pins.json` up to date, and prints what is new, one line each. Exits
 * with 1 and a sentence, and leaves the file as it is, if a server gives no answer or a wrong one. Tests give `--server
 * URL` in place of the public servers, `--file PATH` and `--today YYYY-MM-DD`.
 */

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    file: { type: 'string', default: join(import.meta.dirname, '..', 'src', 'nix', 'pins.json') },
    today: { type: 'string', default: new Date().toISOString().slice(0, 10) },
  },
})
const { server, file, today } = values
const servers =
  server === undefined
    ? { ...publicEndpoints, releaseList: 'https://nix-releases.s3.amazonaws.com' }
    : { channels: server, github: server, releases: server, releaseList: server }
const temporary = await mkdtemp(join(tmpdir(), 'nix-image-action-pins-'))
try {
  const before: Pins = JSON.parse(await readFile(file, 'utf8'))
  const { signal } = new AbortController()
  const after = await updatePins(before, today, { servers, temporary, signal })
  await writeFile(`${file}.new`, `${JSON.stringify(after, undefined, 2)}\n`)
  await rename(`${file}.new`, file)
  for (const sentence of describeChanges(before, after)) console.log(`- ${sentence}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(temporary, { recursive: true })
}
