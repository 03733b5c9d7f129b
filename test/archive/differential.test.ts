import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { fileName, fileNameBytes } from '../../src/archive/file-name.ts'
import { tarHeader } from '../../src/archive/header.ts'
import { tar } from '../../src/archive/tar.ts'
import type { Owner, TreeEntry } from '../../src/archive/tree.ts'
import { need, output } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { treeArbitrary } from '../support/trees.ts'

/** How many trees other programs read; `DIFFERENTIAL_TREES=10000 npm test` takes longer. */
const trees = Number(process.env['DIFFERENTIAL_TREES'] ?? 1000)

/**
 * It would take minutes to start a program for each tree. So one archive has many trees, each in a folder of its own.
 */
const perArchive = 100

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Everything that a member says: name, kind, mode, owner, group, time, and content or target. */
type Member = readonly (string | number)[]

const asWritten = (entry: TreeEntry): Member => {
  const owner = [0, 0, 1]
  switch (entry.type) {
    case 'directory':
      return [entry.name, 'directory', entry.mode, ...owner, '']
    case 'symlink':
      return [entry.name, 'symlink', 0o777, ...owner, entry.target]
    case 'file':
      return [entry.name, 'file', entry.mode, ...owner, sha256(entry.content as Uint8Array)]
  }
}

const composed = (member: Member): Member =>
  member.map((field) => (typeof field === 'string' ? field.normalize('NFC') : field))

const byName = (a: Member, b: Member): number => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1)

/** The members of a folder, without the folder itself. */
const onDisk = (folder: string, prefix = ''): Member[] =>
  readdirSync(fileNameBytes(join(folder, prefix)), { encoding: 'buffer' }).flatMap((child) => {
    const name = prefix ? `${prefix}/${fileName(child)}` : fileName(child)
    const path = fileNameBytes(join(folder, name))
    const stats = lstatSync(path)
    const owner = [stats.uid, stats.gid, stats.mtimeMs / 1000]
    if (stats.isSymbolicLink())
      return [[name, 'symlink', 0o777, ...owner, fileName(readlinkSync(path, { encoding: 'buffer' }))]]
    const mode = stats.mode & 0o7777
    if (stats.isDirectory()) return [[name, 'directory', mode, ...owner, ''], ...onDisk(folder, name)]
    return [[name, 'file', mode, ...owner, sha256(readFileSync(path))]]
  })

const pythonScript = `
import hashlib, json, sys, tarfile
kinds = {tarfile.DIRTYPE: 'directory', tarfile.SYMTYPE: 'symlink', tarfile.REGTYPE: 'file'}
with tarfile.open(sys.argv[1], encoding='utf-8') as archive:
    print(json.dumps([[m.name, kinds[m.type], m.mode, m.uid, m.gid, m.mtime,
        hashlib.sha256(archive.extractfile(m).read()).hexdigest() if m.isreg() else m.linkname] for m in archive]))`

/** Programs that unpack an archive into a folder, as root and with all metadata. */
const unpackers: Record<string, (archive: string, folder: string) => Promise<unknown>> = {
  'GNU tar': (archive, folder) =>
    output('tar', ['--extract', '--preserve-permissions', '--file', archive, '--directory', folder]),
  bsdtar: (archive, folder) => output(need('bsdtar', 'libarchive-tools'), ['-x', '-p', '-f', archive, '-C', folder]),
  'skopeo and umoci': async (archive, folder) => {
    const layout = join(folder, '..', 'layout')
    const umoci = need('umoci', 'umoci')
    await output(umoci, ['init', '--layout', layout])
    await output(umoci, ['new', '--image', `${layout}:image`])
    await output(umoci, ['raw', 'add-layer', '--image', `${layout}:image`, archive])
    await output('skopeo', ['--insecure-policy', 'copy', '--quiet', `oci:${layout}:image`, `oci:${layout}-copy:image`])
    await output(umoci, ['raw', 'unpack', '--image', `${layout}-copy:image`, folder])
  },
}

test(`GNU tar, bsdtar, Python, skopeo and umoci read ${trees} trees as they were written`, async () => {
  const samples = fc.sample(treeArbitrary, { numRuns: trees, seed: 1 })
  for (let start = 0; start < samples.length; start += perArchive) {
    await using temporary = await temporaryFolder('differential')
    const archive = join(temporary.path, 'archive.tar')
    const entries = samples
      .slice(start, start + perArchive)
      .flatMap((tree, index): TreeEntry[] => [
        { type: 'directory', name: `t${index}`, mode: 0o755 },
        ...tree.map((entry) => ({ ...entry, name: `t${index}/${entry.name}` })),
      ])
    await writeFile(archive, await buffer(tar(entries)))
    const written = entries.map(asWritten)
    expect(JSON.parse(await output('python3', ['-c', pythonScript, archive]))).toEqual(written)
    for (const [name, unpack] of Object.entries(unpackers)) {
      const folder = join(temporary.path, name, 'root')
      mkdirSync(folder, { recursive: true })
      await unpack(archive, folder)
      const unpacked = onDisk(folder)
      // libarchive composes characters when it reads names, so only composed names can be compared. It does not compose
      // names in other encodings: their folders are there twice, and those that it makes for them have the time of now.
      const [read, expected] =
        name === 'bsdtar'
          ? [unpacked.filter(([, , , , , time]) => time === 1).map(composed), written.map(composed)]
          : [unpacked, written]
      expect(read.sort(byName), name).toEqual(expected.toSorted(byName))
    }
  }
})

test.each([8 * 2 ** 30 - 1, 8 * 2 ** 30, 9 * 2 ** 40])(
  'the header of a file of %d bytes is read by Python',
  async (size) => {
    const entry: TreeEntry = { type: 'file', name: 'big', mode: 0o444, content: { size, read: () => [] } }
    const script =
      "import sys, tarfile; print(tarfile.TarInfo.frombuf(bytes.fromhex(sys.argv[1]), 'utf-8', 'strict').size)"
    const stdout = await output('python3', ['-c', script, tarHeader(entry).toString('hex')])
    expect(stdout.trim()).toBe(String(size))
  },
)

/** A whole archive of headers alone, by a writer that others use too. It takes names as text. */
const byTarStream = async (entries: readonly TreeEntry[]): Promise<Buffer> => {
  const archive = pack()
  const fixed = { uid: 0, gid: 0, mtime: new Date(1000) }
  for (const entry of entries) {
    const { type, name } = entry
    // It would leave targets that are not ASCII in the header, where there is no pax header for something else.
    if (type === 'symlink')
      archive.entry({
        ...{ ...fixed, name, type, mode: 0o777, linkname: entry.target },
        ...(isAscii(Buffer.from(entry.target)) ? {} : { pax: {} }),
      })
    else if (type === 'directory')
      archive.entry({ ...fixed, ...large(entry.owner), name: `${name}/`, type, mode: entry.mode })
    else archive.entry({ ...fixed, name, type, mode: entry.mode }, Buffer.from(entry.content as Uint8Array))
  }
  archive.finalize()
  return buffer(archive)
}

/** It cuts off numbers of more than six octal digits, if they are not in a PAX header. */
const large = (owner: Owner = { uid: 0, gid: 0 }): object => {
  const pax = Object.entries(owner).filter(([, id]) => id > 0o777777)
  return { ...owner, ...(pax.length > 0 && { pax: Object.fromEntries(pax.map(([name, id]) => [name, `${id}`])) }) }
}

test('tar-stream writes the same bytes, where names are text', async () => {
  const isText = (entry: TreeEntry): boolean =>
    entry.name.isWellFormed() && (entry.type !== 'symlink' || entry.target.isWellFormed())
  const trees = fc.sample(treeArbitrary, { numRuns: 1000, seed: 3 }).flat()
  const long = [99, 100, 101, 154, 155, 156, 255].flatMap((length): TreeEntry[] => {
    const name = 'd'.repeat(length)
    return [
      { type: 'directory', name, mode: 0o755 },
      { type: 'file', name: `${name}/${'f'.repeat(100)}`, mode: 0o444, content: Buffer.alloc(0) },
      { type: 'directory', name: `${name}/${'f'.repeat(99)}`, mode: 0o755 },
      { type: 'symlink', name: `a/${name}/b`, target: name },
    ]
  })
  const owned = [
    { uid: 0o777777, gid: 0o1000000 },
    { uid: 0o1000000, gid: 5 },
    { uid: 2 ** 31 - 1, gid: 2 ** 31 - 1 },
  ].map((owner): TreeEntry => ({ type: 'directory', name: 'app', mode: 0o1777, owner }))
  const entries = [...trees.filter(isText), ...long, ...owned]
  const ours = await buffer(tar(entries))
  expect(sha256(ours)).toBe(sha256(await byTarStream(entries)))
  // A record counts its own length: here that gets another digit.
  for (let length = 80; length < 1100; length++) {
    const entry: TreeEntry = { type: 'symlink', name: 'l', target: 't'.repeat(length) }
    expect(Buffer.compare(await buffer(tar([entry])), await byTarStream([entry])), `${length}`).toBe(0)
  }
})
