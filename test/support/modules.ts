import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

/**
 * A file of `src/`, named by its path there without `.ts`. Its imports are named in the same way; packages keep their
 * names.
 */
export type Module = {
  readonly name: string
  readonly lines: number
  /** Imports that exist at run time. */
  readonly values: readonly string[]
  /** Imports that are gone at run time, by `import type` or by `type` at each name. */
  readonly types: readonly string[]
  /** Calls of a name and properties of a name, as in `fetch(` and `process.env`. */
  readonly uses: ReadonlySet<string>
}

const source = join(import.meta.dirname, '..', '..', 'src')

export const modules: readonly Module[] = globSync('**/*.ts', { cwd: source })
  .toSorted()
  .map((file) => readModule(file, readFileSync(join(source, file), 'utf8')))

/** Reads the `text` of a file. Relative imports in it start from where `file` is. */
export function readModule(file: string, text: string): Module {
  const values: string[] = []
  const types: string[] = []
  const uses = new Set<string>()
  const nameOf = (specifier: ts.Expression): string => {
    if (!ts.isStringLiteral(specifier))
      throw new Error(`${file} imports ${specifier.getText()}, which no test can follow`)
    const { text } = specifier
    return text.startsWith('.') ? posix.join(posix.dirname(file), text).replace(/\.ts$/, '') : text
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      (isTypeOnly(node.importClause) ? types : values).push(nameOf(node.moduleSpecifier))
    if (ts.isExportDeclaration(node) && node.moduleSpecifier) values.push(nameOf(node.moduleSpecifier))
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      for (const argument of node.arguments.slice(0, 1)) values.push(nameOf(argument))
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) uses.add(`${node.expression.text}(`)
    if (ts.isPropertyAccessExpression(node))
      uses.add(`${node.expression.getText()}.${node.name.text}`).add(`.${node.name.text}`)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return { name: file.replace(/\.ts$/, ''), lines: text.split('\n').length - 1, values, types, uses }
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false
  if (clause.isTypeOnly) return true
  const { name, namedBindings } = clause
  return (
    !name && !!namedBindings && ts.isNamedImports(namedBindings) && namedBindings.elements.every((e) => e.isTypeOnly)
  )
}
