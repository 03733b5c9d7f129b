import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** `npm run bench -- NAME`: measures one thing, beside a peer in the same run, and prints a table. */

const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.replace('.bench.ts', ''))
  .sort()
const [name = ''] = process.argv.slice(2)
if (!names.includes(name)) {
  console.error(`Write \`npm run bench -- NAME\`, where NAME is one of ${names.join(', ')}.`)
  process.exit(1)
}
await import(join(import.meta.dirname, `${name}.bench.ts`))
