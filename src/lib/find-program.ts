import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** The first executable file with this name on the PATH of an environment, or `undefined`. */
export const findProgram = async (
  program: string,
  { PATH = '' }: Readonly<Record<string, string>>,
): Promise<string | undefined> => {
  for (const folder of PATH.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, program)
    if (await isProgram(path)) return path
  }
  return undefined
}

const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
