import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tar } from '../../src/archive/tar.ts'
import { storePathsTree, type TreeEntry } from '../../src/archive/tree.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { need } from '../support/process.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const archive = async (entries: Iterable<TreeEntry>): Promise<Buffer> => buffer(tar(entries))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The members that another program reads, with all header fields that matter and the digest of the content. */
const readByPython = (bytes: Buffer): unknown[] => {
  const script = `
import hashlib, io, json, sys, tarfile
with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), encoding='utf-8') as archive:
    print(json.dumps([[m.name, m.type.decode(), m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime, m.size, m.linkname,
        hashlib.sha256(archive.extractfile(m).read()).hexdigest() if m.isreg() else '']
        for m in archive]))`
  return JSON.parse(execFileSync('python3', ['-c', script], { input: bytes, encoding: 'utf8' }))
}

const unescaped = (text: string): string =>
  Buffer.from(
    Buffer.from(text)
      .toString('latin1')
      .replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))),
    'latin1',
  ).toString()

const entries: TreeEntry[] = [
  { type: 'directory', name: 'nix', mode: 0o755 },
  { type: 'file', name: 'nix/empty', mode: 0o444, content: Buffer.alloc(0) },
  { type: 'file', name: 'nix/program', mode: 0o555, content: Buffer.from('#!/bin/sh\n') },
  { type: 'symlink', name: 'nix/link', target: '../elsewhere' },
  { type: 'directory', name: 'tmp', mode: 0o1777 },
]

describe('an archive', () => {
  test.each([[{ uid: 1000, gid: 100 }], [{ uid: 262143, gid: 262144 }], [{ uid: 1000650000, gid: 2147483647 }]])(
    'has a directory that is a user’s: %j',
    async (owner) => {
      const bytes = await archive([{ type: 'directory', name: 'app', mode: 0o755, owner }])
      expect(readByPython(bytes)).toEqual([['app', '5', 0o755, owner.uid, owner.gid, '', '', 1, 0, '', '']])
      const list = execFileSync('tar', ['--list', '--verbose', '--numeric-owner'], { input: bytes, encoding: 'utf8' })
      expect(list).toContain(` ${owner.uid}/${owner.gid} `)
    },
  )

  test('has the same bytes everywhere', async () => {
    expect(sha256(await archive(entries))).toMatchInlineSnapshot(
      `"1947cdd3e98d7df654e56d6c5f715a125f80011587ef76dbb39fede010bd4a50"`,
    )
  })

  test('has what is not ASCII in a pax header, for names and targets alike', async () => {
    const links: TreeEntry[] = [
      { type: 'symlink', name: 'ca.pem', target: 'Főtanúsítvány.pem' },
      { type: 'symlink', name: 'Főtanúsítvány.pem', target: 'ca.pem' },
    ]
    for (const link of links) {
      const bytes = await archive([link])
      const header = bytes.subarray(-1024 - 512, -1024)
      expect(header.every((byte) => byte < 0x80)).toBe(true)
      const { name, target } = link as { name: string; target: string }
      const paths = [`path=${name}\n`, `linkpath=${target}\n`].map((text) => Buffer.from(text))
      for (const path of paths) expect(bytes.includes(path)).toBe(true)
      for (const program of ['tar', need('bsdtar', 'libarchive-tools')]) {
        const env = { ...process.env, LC_ALL: 'C.UTF-8' }
        const list = execFileSync(program, ['-tvf', '-'], { input: bytes, encoding: 'utf8', env })
        // GNU tar shows bytes that it takes for no letters by their numbers.
        expect(unescaped(list)).toContain(`${name} -> ${target}\n`)
      }
    }
  })

  test('is read by GNU tar with the modes, owners and times that the rules say', async () => {
    const list = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--full-time'], {
      input: await archive(entries),
      encoding: 'utf8',
    })
    expect(list.replaceAll(/ +/g, ' ')).toMatchInlineSnapshot(`
      "drwxr-xr-x 0/0 0 1970-01-01 00:00:01 nix/
      -r--r--r-- 0/0 0 1970-01-01 00:00:01 nix/empty
      -r-xr-xr-x 0/0 10 1970-01-01 00:00:01 nix/program
      lrwxrwxrwx 0/0 0 1970-01-01 00:00:01 nix/link -> ../elsewhere
      drwxrwxrwt 0/0 0 1970-01-01 00:00:01 tmp/
      "
    `)
  })

  test('ends with an error that names a file which changed while it was read', async () => {
    const shrunk: TreeEntry = {
      type: 'file',
      name: 'nix/shrunk',
      mode: 0o444,
      content: {
        size: 10,
        read: async function* () {
          yield Buffer.from('less')
        },
      },
    }
    await expect(archive([shrunk])).rejects.toThrow('/nix/shrunk changed while it was read; run the job again.')
  })

  test('that is not read to its end reads no entry to its end', async () => {
    let isLeft = false
    const endless: TreeEntry = {
      type: 'file',
      name: 'nix/endless',
      mode: 0o444,
      content: {
        size: 1_000_000_000,
        read: async function* () {
          try {
            for (;;) yield Buffer.alloc(100_000)
          } finally {
            isLeft = true
          }
        },
      },
    }
    // The first part is the header.
    let parts = 0
    for await (const _ of tar([endless])) if (++parts > 2) break
    await setTimeout(50)
    expect(isLeft).toBe(true)
  })
})

describe('the layer of a store path', () => {
  test('that is not there says so by its name', async () => {
    const path = '/nix/store/00000000000000000000000000000000-missing' as StorePath
    await expect(buffer(tar(storePathsTree([path])))).rejects.toThrow(
      '/nix/store/00000000000000000000000000000000-missing cannot be read (ENOENT); check the Nix store of this machine.',
    )
  })

  test('refuses what is no file, directory or symlink by its name', async () => {
    const tree = join(folder, 'with-fifo')
    execFileSync('mkdir', [tree])
    execFileSync('mkfifo', [join(tree, 'fifo')])
    await expect(buffer(tar(storePathsTree([tree as StorePath])))).rejects.toThrow(
      `${tree}/fifo is neither a file nor a directory nor a symlink, so it cannot be put into an image.`,
    )
  })

  test('refuses a name that means something else in an image', async () => {
    const tree = join(folder, 'with-whiteout')
    execFileSync('mkdir', [tree])
    await writeFile(join(tree, '.wh.file'), '')
    await expect(buffer(tar(storePathsTree([tree as StorePath])))).rejects.toThrow(
      `${tree} has .wh.file, which in an image removes a file instead of being one; rename it in its package.`,
    )
  })

  test('has names and targets in other encodings as they are, in the order of their bytes', async () => {
    const tree = join(folder, 'latin1')
    const named = (name: string): Buffer => Buffer.from(`${tree}/${name}`, 'latin1')
    execFileSync('mkdir', [tree])
    // The UTF-8 of é starts with C3, which is before the E9 of ISO 8859-1.
    const long = '\xe9'.repeat(120)
    for (const name of ['caf\xe9', 'caf\xc3\xa9', 'caff', long]) await writeFile(named(name), name)
    await symlink(Buffer.from('caf\xe9', 'latin1'), named('link'))
    const bytes = await buffer(tar(storePathsTree([tree as StorePath])))
    const list = execFileSync('tar', ['--list', '--quoting-style=literal'], { input: bytes, stdio: 'pipe' })
    const prefix = `${tree.slice(1)}/`
    expect(list.toString('latin1').split('\n').slice(3)).toEqual(
      ['caff', 'caf\xc3\xa9', 'caf\xe9', 'link', long, ''].map((name) => name && `${prefix}${name}`),
    )
    // Python writes a byte that is no UTF-8 as this action does.
    expect(readByPython(bytes).map((fields) => (fields as unknown[])[9])).toContain('caf\udce9')
  })

  test('ends with an error that names a large file which was written to while it was read', async () => {
    const file = join(folder, 'written-to')
    await writeFile(file, Buffer.alloc(5_000_000, 'x'))
    const read = async (): Promise<void> => {
      for await (const _ of tar(storePathsTree([file as StorePath]))) {
        // The size stays the same, so only the time shows the change.
        const handle = await open(file, 'r+')
        await handle.write('y', 0)
        await handle.close()
      }
    }
    await expect(read()).rejects.toThrow(`${file} changed while it was read; run the job again.`)
  })

  test('has parents, sorted names and the store’s modes, whatever the modes and the order on disk are', async () => {
    const tree = join(folder, 'tree')
    execFileSync('mkdir', ['--mode=700', tree, join(tree, 'b')])
    await writeFile(join(tree, 'a'), 'plain', { mode: 0o640 })
    await writeFile(join(tree, 'Z'), 'program', { mode: 0o710 })
    await writeFile(join(tree, 'b', 'big'), Buffer.alloc(300_000, 'x'), { mode: 0o400 })
    await symlink('a', join(tree, 'link'))
    const read = readByPython(await buffer(tar(storePathsTree([tree as StorePath]))))
    const name = tree.slice(1)
    expect(read.map((fields) => (fields as unknown[]).slice(0, 3))).toEqual([
      ['nix', '5', 0o755],
      ['nix/store', '5', 0o755],
      [name, '5', 0o555],
      [`${name}/Z`, '0', 0o555],
      [`${name}/a`, '0', 0o444],
      [`${name}/b`, '5', 0o555],
      [`${name}/b/big`, '0', 0o444],
      [`${name}/link`, '2', 0o777],
    ])
  })
})
