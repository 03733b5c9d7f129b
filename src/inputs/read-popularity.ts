import { type PopularityData, parsePopularity } from '../graph/popularity.ts'
import { UserError } from '../lib/error.ts'
import { readTextFile } from '../lib/read-text-file.ts'

/**
 * Reads the file that the input `popularity` names; without one, the result is empty. Throws a `UserError` if the file
 * cannot be read or is not valid.
 */
export const readPopularity = async (file: string | undefined): Promise<PopularityData> => {
  if (!file) return new Map()
  const json = await readTextFile(file).catch((cause) => {
    throw new UserError(
      `\`popularity\` is ${file}, which cannot be read (${cause.code}); check the path, and that actions/checkout ran before this step.`,
      { cause },
    )
  })
  try {
    return parsePopularity(json)
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : cause
    throw new UserError(
      `\`popularity\` is ${file}: ${problem}; write an object of names and counts, as in { "glibc": 5000 }.`,
      { cause },
    )
  }
}
