import { resolve } from 'node:path'
import type { Problem } from './problem.ts'

/** Names of archives that this action does not write. */
const otherArchive = /\.(tar(\.\w+)?|t[gx]z|tbz2?|tzst|zip)$/i

/**
 * The absolute path of the image layout, an archive if it ends in `.tar`, else a folder; `undefined` if none is to be
 * written.
 */
export const parseOutput = (text: string, workspace: string, problem: Problem): string | undefined => {
  if (!text) return undefined
  const path = resolve(workspace, text)
  if (otherArchive.test(path) && !path.endsWith('.tar'))
    problem(
      `\`output\` is ${JSON.stringify(text)}, but of archives only \`.tar\` is written, whose layers are compressed as \`compression\` says; write ${JSON.stringify(`${text.replace(/\/+$/, '').replace(otherArchive, '')}.tar`)}, or a folder with another name.`,
    )
  return path
}
