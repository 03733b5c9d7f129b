import { posix } from 'node:path'
import type { Problem } from './problem.ts'

/** The input `workdir`: an absolute path, without a slash at its end. `undefined` where it is not given. */
export const parseWorkdir = (text: string, problem: Problem): string | undefined => {
  if (text === '') return undefined
  const path = parseDirectory(text)
  if (path === undefined)
    problem(`\`workdir\` is ${JSON.stringify(text)}; write the absolute path of a folder in the image, as in \`/app\`.`)
  else if (/^\/(nix\/store|proc|sys|dev)(\/|$)/.test(path))
    problem(`\`workdir\` is ${JSON.stringify(text)}, where no folder can be made; write another one, as in \`/app\`.`)
  return path
}

/** The input `volumes`: absolute paths, one a line; sorted, each once. */
export const parseVolumes = (text: string, problem: Problem): string[] => {
  const lines = text.split('\n').map((line) => line.trim())
  const paths = lines
    .filter((line) => line !== '')
    .map((line) => {
      const path = parseDirectory(line)
      if (path === undefined || path === '/' || path.includes(':'))
        problem(
          `\`volumes\` has ${JSON.stringify(line)}; write absolute paths in the image, one a line, as in \`/data\`.`,
        )
      return path ?? line
    })
  return [...new Set(paths)].sort()
}

/** A name that starts with `.wh.` would remove a file from the image. Source: OCI image specification, "Whiteouts". */
const parseDirectory = (text: string): string | undefined => {
  const names = text.split('/')
  const isFault = names.some((name) => name === '..' || name.startsWith('.wh.')) || /\p{Cc}/u.test(text)
  if (!text.startsWith('/') || isFault) return undefined
  return posix.normalize(text).replace(/(?<=.)\/$/, '')
}
