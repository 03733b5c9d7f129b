import { dirname, join, relative } from 'node:path'
import { CommandError } from '../lib/command.ts'
import { messages, UserError } from '../lib/error.ts'
import { exists } from '../lib/exists.ts'
import { findRepository } from './git-repository.ts'
import { type ScratchGit, type ScratchTools, withScratchRepository } from './scratch-repository.ts'

/**
 * The files and folders below `folder`, a real path, that git ignores, relative to it. The list has only the name of a
 * folder that is ignored as a whole, and is empty if `folder` is in no git repository. Throws a `UserError` if git
 * cannot read the repository, since ignored files may be secret. Runs no program that the repository or its
 * configuration names.
 */
export const ignoredByGit = async (folder: string, tools: ScratchTools): Promise<string[]> => {
  const found = await look(folder, tools).catch((cause) => {
    tools.signal.throwIfAborted()
    throw new UserError(
      `\`nixpkgs\` is ${folder}, of which git cannot tell what it ignores (${messages(cause).at(-1)}); put git on the PATH, or mend the repository.`,
      { cause },
    )
  })
  if (found.absent !== undefined)
    throw new UserError(
      `\`nixpkgs\` is ${folder}, and ${found.absent} is neither checked out nor in this partial clone; add it to the \`sparse-checkout\`, since what it ignores may be secret.`,
    )
  return names(folder, found.ignored)
}

type Found = { readonly ignored: string; readonly absent?: string | undefined }

const look = async (folder: string, tools: ScratchTools): Promise<Found> => {
  const repository = await findRepository(folder)
  if (!repository) return { ignored: '' }
  const { root = '/' } = repository
  return withScratchRepository(repository, tools, async (git) => {
    const rules = await rulesNotCheckedOut(folder, root, git)
    const absent = await firstMissing(rules, git)
    if (absent !== undefined) return { ignored: '', absent }
    // If git starts in a folder, it does not see .gitignore files of the folders around it that only the index has.
    if (!rules.some(({ name }) => isWithin(folder, dirname(join(root, name)))))
      return { ignored: await listIgnored(folder, git) }
    const below = `${relative(root, folder)}/`
    const inRoot = (await listIgnored(root, git)).split('\0')
    return {
      ignored: inRoot
        .flatMap((name) => (folder === root ? [name] : name.startsWith(below) ? [name.slice(below.length)] : []))
        .join('\0'),
    }
  })
}

const listIgnored = (folder: string, git: ScratchGit): Promise<string> =>
  git(['-C', folder, 'ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z']).catch((cause) => {
    // If the folder itself is ignored, all of its content is meant.
    if (cause instanceof CommandError && /not superset of prefix/.test(cause.stderr)) return ''
    throw cause
  })

/** The names in a list of git's, without the slash at the end of a folder. Throws a `UserError` if one is not UTF-8. */
export const names = (folder: string, list: string): string[] => {
  const all = list.split('\0').filter((name) => name !== '')
  const foreign = all.find((name) => name.includes('\ufffd'))
  if (foreign)
    throw new UserError(
      `\`nixpkgs\` is ${folder}, where git ignores ${foreign}, whose name is not UTF-8; rename or remove it.`,
    )
  // If the folder itself is ignored, all of its content is meant.
  return all.map((name) => name.replace(/\/$/, '')).filter((name) => name !== '.')
}

type Rule = { readonly name: string; readonly object: string }

/** The .gitignore files that apply to `folder` but are not in the working tree, because of a sparse checkout. */
const rulesNotCheckedOut = async (folder: string, root: string, git: ScratchGit): Promise<Rule[]> => {
  const list = await git(['-C', root, 'ls-files', '--stage', '-t', '-z', '--', ':(top,glob)**/.gitignore'])
  const rules: Rule[] = []
  for (const entry of list.split('\0')) {
    const [, object, name] = /^S \d+ ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? []
    if (!object || !name) continue
    const place = dirname(join(root, name))
    if ((isWithin(folder, place) || isWithin(place, folder)) && (await exists(place))) rules.push({ object, name })
  }
  return rules
}

/**
 * The first rule whose object is not in the repository. In a partial clone, git would ask a server for it, but we do
 * not let it.
 */
const firstMissing = async (rules: readonly Rule[], git: ScratchGit): Promise<string | undefined> => {
  if (rules.length === 0) return undefined
  const answer = await git(['cat-file', '--batch-check'], rules.map(({ object }) => `${object}\n`).join(''))
  const [, missing] = /^([0-9a-f]+) missing$/m.exec(answer) ?? []
  return rules.find(({ object }) => object === missing)?.name
}

const isWithin = (path: string, folder: string): boolean => `${path}/`.startsWith(folder === '/' ? '/' : `${folder}/`)
