import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/**
 * `npm run --silent release-notes -- TAG REPOSITORY < CHANGELOG.md`: prints what the changelog says about the version
 * `TAG` (`v1.2.3`). Exits with 1 and a sentence if it says nothing, or if `REPOSITORY` (`owner/name`) is not the
 * repository that the pages name.
 */

const fail = (sentence: string): never => {
  console.error(sentence)
  process.exit(1)
}

const [tag = '', repository = ''] = process.argv.slice(2)
const version = /^v(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? fail(`${tag} is not a tag of a release; write it as v1.2.3.`)

const named = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')).repository
if (named !== `github:${repository}`)
  fail(`package.json names ${named}, not github:${repository}; correct it there, and run \`npm run document\`.`)

const section = (await text(process.stdin))
  .split(/^(?=## )/m)
  .find((part) => /^## \[([^\]]+)\] - \d{4}-\d{2}-\d{2}\n/.exec(part)?.[1] === version)
const notes = section?.slice(section.indexOf('\n')).trim()
console.log(notes || fail(`CHANGELOG.md says nothing of ${version}; write \`## [${version}] - YYYY-MM-DD\` above it.`))
