import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Closure } from '../../src/graph/closure.ts'
import { nixDatabase } from '../../src/rootfs/nix-database.ts'
import { closureOf, pathOf } from '../support/closures.ts'
import { nixConfigFolder, pathWithNix } from '../support/nix-places.ts'
import { output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A graph of some depth, in which the paths have different sizes. */
const graph = (count: number): Closure =>
  closureOf(
    ['p0'],
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `p${index}`,
        {
          size: 2 ** (index % 45) + 1,
          needs: [2 * index + 1, 2 * index + 2, 3 * index + 7, index + 1]
            .filter((next) => next < count)
            .map((next) => `p${next}`),
        },
      ]),
    ),
  )

const script = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
one = lambda query: db.execute(query).fetchall()
print(json.dumps({
    'check': one('pragma integrity_check') + one('pragma foreign_key_check'),
    'paths': one('select path, hash, narSize, registrationTime from ValidPaths order by id'),
    'refs': one('select a.path, b.path from Refs join ValidPaths a on a.id = referrer join ValidPaths b on b.id = reference order by 1, 2'),
    'found': [len(one("select id from ValidPaths where path = '%s'" % path)) for path, in one('select path from ValidPaths')],
    'plan': one("explain query plan select id from ValidPaths where path = 'x'")[0][3],
    'referrers': one('select count(*) from Refs indexed by IndexReferrer where referrer >= 0')
        + one('select count(*) from Refs indexed by IndexReference where reference >= 0'),
}))
# What Nix does when a path is added, and when one is removed.
db.execute('pragma journal_mode = wal')
db.execute('pragma foreign_keys = on')
db.execute("insert into ValidPaths (path, hash, registrationTime) values ('new', 'sha256:x', 5)")
id, = one("select id from ValidPaths where path = 'new'")[0]
db.execute('insert into Refs values (?, 1)', (id,))
db.execute("delete from ValidPaths where path = 'new'")
db.commit()
assert one('pragma integrity_check') == [('ok',)], one('pragma integrity_check')
`

test.each([1, 2, 12, 300, 2000])('SQLite reads %d paths with their references, and writes more', async (count) => {
  await using folder = await temporaryFolder('database')
  const closure = graph(count)
  const file = join(folder.path, 'db.sqlite')
  const entry = nixDatabase(closure).find(({ name }) => name === 'nix/var/nix/db/db.sqlite')
  if (entry?.type !== 'file') throw new Error('there is no database')
  await writeFile(file, entry.content as Uint8Array)
  const read = JSON.parse(await output('python3', ['-c', script, file]))
  const paths = [...closure.paths.values()]
  const refs = paths.flatMap(({ path, references }) => references.map((reference) => [path, reference]))
  expect(read).toEqual({
    check: [['ok']],
    paths: paths.map(({ path, narHash, narSize }) => [
      path,
      `sha256:${Buffer.from(narHash.slice(7), 'base64').toString('hex')}`,
      narSize,
      1,
    ]),
    refs: refs.toSorted((a, b) => (a.join() < b.join() ? -1 : 1)),
    found: paths.map(() => 1),
    plan: expect.stringContaining('sqlite_autoindex_ValidPaths_1'),
    referrers: [[refs.length], [refs.length]],
  })
})

test('Nix knows the paths of a database, what refers to them, and what is a root', async () => {
  await using folder = await temporaryFolder('database')
  for (const entry of nixDatabase(graph(40))) {
    const path = join(folder.path, entry.name.slice('nix/'.length))
    await mkdir(dirname(path), { recursive: true })
    if (entry.type === 'file') await writeFile(path, entry.content as Uint8Array)
  }
  const nixStore = (...args: string[]): Promise<string> =>
    output('nix-store', args, {
      env: {
        PATH: pathWithNix(),
        NIX_CONF_DIR: nixConfigFolder,
        NIX_STATE_DIR: join(folder.path, 'var', 'nix'),
        NIX_REMOTE: 'local',
      },
    })
  const lines = async (...args: string[]): Promise<string[]> => (await nixStore(...args)).trimEnd().split('\n').sort()
  expect(await lines('--query', '--references', pathOf('p0'))).toEqual(['p1', 'p2', 'p7'].map(pathOf).sort())
  expect(await lines('--query', '--referrers', pathOf('p1'))).toEqual([pathOf('p0')])
  expect(await lines('--query', '--requisites', pathOf('p0'))).toHaveLength(40)
})
