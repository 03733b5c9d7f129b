import fc from 'fast-check'
import { fileName, fileNameBytes } from '../../src/archive/file-name.ts'
import type { TreeEntry } from '../../src/archive/tree.ts'

/** Names that are hard for programs: long ones, other alphabets and encodings, spaces, newlines, quotes. */
const name = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('a', 'b', 'ü', '漢', ' ', '\n', '"', '\\'), minLength: 1, maxLength: 60 }),
    fc.integer({ min: 90, max: 200 }).map((length) => 'x'.repeat(length)),
    fc.uint8Array({ min: 0xa0, minLength: 1, maxLength: 120 }).map((bytes) => fileName(bytes)),
  )
  .filter(
    (text) =>
      !/[/\0]/.test(text) &&
      !/^\.{1,2}$|^\.wh\./.test(text) &&
      !/[\ud800-\udc7f]/u.test(text) &&
      fileNameBytes(text).length <= 255,
  )

/** Sizes around the borders of tar's blocks, and empty files. */
const content = fc
  .tuple(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(511, 512, 513, 1023, 1024, 1025)), fc.nat(255))
  .map(([size, byte]) => Buffer.alloc(size, byte))

type Node =
  | { readonly type: 'directory'; readonly mode: number; readonly children: Readonly<Record<string, Node>> }
  | { readonly type: 'file'; readonly mode: number; readonly content: Uint8Array }
  | { readonly type: 'symlink'; readonly target: string }

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.record({ type: fc.constant('file' as const), mode: fc.constantFrom(0o444, 0o555), content }),
    fc.record({
      type: fc.constant('symlink' as const),
      target: fc.oneof(
        fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
        fc.constantFrom(1, 99, 100, 101, 255, 1000).map((length) => 'l'.repeat(length)),
      ),
    }),
    fc.record({
      type: fc.constant('directory' as const),
      mode: fc.constantFrom(0o555, 0o755, 0o1777),
      children: fc.dictionary(name, tie('node'), { maxKeys: 4, noNullPrototype: true }),
    }),
  ),
}))

const entriesOf = (path: string, node: Node): TreeEntry[] => {
  if (node.type !== 'directory') return [{ ...node, name: path }]
  const children = Object.keys(node.children).sort((a, b) => Buffer.compare(fileNameBytes(a), fileNameBytes(b)))
  return [
    { type: 'directory', name: path, mode: node.mode },
    ...children.flatMap((child) => entriesOf(`${path}/${child}`, node.children[child] as Node)),
  ]
}

/**
 * A store path as entries of an archive: a file, a symlink or a directory, with all that is in it. Its own name is
 * text.
 */
export const treeArbitrary: fc.Arbitrary<TreeEntry[]> = fc
  .tuple(
    name.filter((text) => text.isWellFormed()),
    node,
  )
  .map(([path, root]) => entriesOf(path, root))
