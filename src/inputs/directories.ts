import { posix } from 'node:path'
import type { Problem } from './problem.ts'

/** The input `workdir`: an absolute path, without a slash at its end. `undefined` if it is not given. */
export const parseWorkdir = (text: string, problem: Problem): string | undefined => {
  if (text === '') return undefined
  const path = parseDirectory(text)
  const long = longName(text)
  if (long !== undefined)
    problem(`\`workdir\` has a name of ${long} bytes, and a folder can have 255; write a shorter one.`)
  else if (path === undefined)
    problem(`\`workdir\` is ${JSON.stringify(text)}; write the absolute path of a folder in the image, as in \`/app\`.`)
  else if (impossible.test(path))
    problem(`\`workdir\` is ${JSON.stringify(text)}, where no folder can be made; write another one, as in \`/app\`.`)
  return path
}

/** Folders that every container has of its own, and the store, which has only store paths. */
const impossible = /^\/(nix\/store|proc|sys|dev)(\/|$)/

/** The input `volumes`: absolute paths, separated by white space or commas, as ports are. Returns each once, sorted. */
export const parseVolumes = (text: string, problem: Problem): string[] => {
  const items = text.split(/[\s,]+/).filter((item) => item !== '')
  const paths = items.map((item) => {
    const path = parseDirectory(item)
    const long = longName(item)
    if (long !== undefined)
      problem(`\`volumes\` has a name of ${long} bytes, and a folder can have 255; write a shorter one.`)
    else if (path === undefined || path === '/' || path.includes(':'))
      problem(`\`volumes\` has ${JSON.stringify(item)}; write absolute paths in the image, as in \`/data /logs\`.`)
    else if (impossible.test(path))
      problem(
        `\`volumes\` has ${JSON.stringify(item)}, where no folder can be made; write another one, as in \`/data\`.`,
      )
    return path ?? item
  })
  return [...new Set(paths)].sort()
}

/** The bytes of the first name that is too long for Linux, if there is one. Source: Linux, `NAME_MAX`. */
const longName = (text: string): number | undefined =>
  text
    .split('/')
    .map((name) => Buffer.byteLength(name))
    .find((bytes) => bytes > 255)

/** A name that starts with `.wh.` would remove a file from the image. Source: OCI image specification, "Whiteouts". */
const parseDirectory = (text: string): string | undefined => {
  const names = text.split('/')
  const isFault = names.some((name) => name === '..' || name.startsWith('.wh.')) || /\p{Cc}/u.test(text)
  if (!text.startsWith('/') || isFault) return undefined
  return posix.normalize(text).replace(/(?<=.)\/$/, '')
}
