import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents } from '../test/support/documents.ts'

/** `npm run document`: writes what is generated in the pages, see `test/support/documents.ts`. */

for (const [page, text] of documents()) writeFileSync(join(import.meta.dirname, '..', page), text)
