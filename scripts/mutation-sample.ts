import { createHash } from 'node:crypto'
import ts from 'typescript'

/** A declaration of a file, or a member of a class. `first` and `last` are its lines, counted from 1. */
export type Declaration = {
  readonly file: string
  readonly first: number
  readonly last: number
  readonly text: string
}

/** All declarations of a file that exist at run time. */
export const declarationsOf = (file: string, text: string): Declaration[] => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const line = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1
  return source.statements
    .filter(
      (node) =>
        !ts.isImportDeclaration(node) &&
        !ts.isExportDeclaration(node) &&
        !ts.isTypeAliasDeclaration(node) &&
        !ts.isInterfaceDeclaration(node),
    )
    .flatMap((node): readonly ts.Node[] => (ts.isClassDeclaration(node) ? [...node.members] : [node]))
    .map((node) => ({ file, first: line(node.getStart()), last: line(node.end), text: node.getText() }))
}

/**
 * The declarations to mutate: all, or if they have more than `mostLines` lines together, as many as have that. They are
 * drawn in the order of the hash of a fixed seed, their file and their text, so that a declaration keeps its place
 * until it changes, whatever the others are.
 */
export const drawSample = (all: readonly Declaration[], mostLines: number): Declaration[] => {
  const rank = ({ file, text }: Declaration): string => createHash('sha256').update(`1\0${file}\0${text}`).digest('hex')
  const ranked = all
    .map((declaration) => ({ declaration, rank: rank(declaration) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
  let lines = 0
  return ranked.flatMap(({ declaration }) => {
    if (lines >= mostLines) return []
    lines += declaration.last - declaration.first + 1
    return [declaration]
  })
}
