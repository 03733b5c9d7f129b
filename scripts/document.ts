import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents } from '../test/support/documents.ts'

/** `npm run document`: writes the generated parts of the pages, see `test/support/documents.ts`. */

for (const [page, text] of documents()) writeFileSync(join(import.meta.dirname, '..', page), text)
