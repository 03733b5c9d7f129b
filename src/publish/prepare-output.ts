import { realpath } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { UserError } from '../lib/error.ts'
import { lstatIfThere } from '../lib/lstat-if-there.ts'

/**
 * Does `prepare`, by which the place of the output is checked and made. Throws a `UserError` before that if a link in
 * the workspace leads to it, since the content of a checkout must not decide where this run writes, and one with the
 * reason if the system refuses something. `kind` is what the user is to name another one of.
 */
export const prepareOutput = async (
  path: string,
  workspace: string,
  kind: 'file' | 'folder',
  prepare: () => Promise<void>,
): Promise<void> => {
  try {
    await refuseLinks(path, await realpath(workspace).catch(() => workspace), kind)
    await prepare()
  } catch (cause) {
    if (cause instanceof UserError) throw cause
    const reason = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw new UserError(`\`output\` is ${path}, which cannot be written to (${reason}); name another ${kind}.`, {
      cause,
    })
  }
}

/** No part of the path may be a link that lies in the workspace, and the last part may not be a link at all. */
const refuseLinks = async (output: string, workspace: string, kind: string): Promise<void> => {
  const names = resolve(output).split(sep).slice(1)
  for (const index of names.keys()) {
    const path = sep + names.slice(0, index + 1).join(sep)
    const stats = await lstatIfThere(path)
    if (!stats) return
    if (!stats.isSymbolicLink()) continue
    const place = `${await realpath(dirname(path))}${sep}`
    if (index === names.length - 1 || place.startsWith(`${workspace}${sep}`))
      throw new UserError(
        `\`output\` is ${output}, where ${path} is a link, which may lead anywhere; name a ${kind} that is reached without one.`,
      )
  }
}
