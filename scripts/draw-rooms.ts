import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drawRooms, rooms } from '../test/support/rooms.ts'

/** `npm run draw-rooms`: writes the table of who imports whom into docs/architecture.md, between its two comments. */

const file = join(import.meta.dirname, '..', 'docs', 'architecture.md')
const text = await readFile(file, 'utf8')
await writeFile(
  file,
  text.replace(/(?<=<!-- rooms -->\n).*(?=<!-- \/rooms -->)/s, () => drawRooms(rooms)),
)
