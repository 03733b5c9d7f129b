import { stripVTControlCharacters } from 'node:util'

/**
 * An error of Nix. `message` is what it says, up to its trace, and neither begins nor ends with an empty line. `trace`
 * has the lines that say where, from the inside out in Nix 2.8 and from the outside in in newer ones.
 */
export type NixError = { readonly message: readonly string[]; readonly trace: readonly string[] }

/** The first lines of a trace's parts, which go on with the code that they quote. */
const ofTrace = /^\s*(… |at (\/|«)\S*:\d+|\(use '--show-trace|\(stack trace truncated)/

/**
 * The errors in the standard error of a Nix program, in their order. Nix 2.8 writes `error:`, the message, and the
 * trace. Newer ones write `error:`, the trace, and `error:` again, indented, with the message.
 */
export const errorsIn = (stderr: string): NixError[] => {
  const errors: { message: string[]; trace: string[] }[] = []
  let part: 'message' | 'trace' = 'message'
  let awaitsMessage = false
  for (const line of stripVTControlCharacters(stderr).split('\n')) {
    const [, indentation = '', said = ''] = /^(\s*)error:(?: (.*))?$/.exec(line) ?? []
    const isHeader = indentation === '' && /^error:\s*$/.test(line)
    if (said.trim() !== '' && awaitsMessage && indentation !== '') {
      errors.at(-1)?.message.push(said)
      part = 'message'
      awaitsMessage = false
    } else if (said.trim() !== '' || isHeader) {
      errors.push({ message: isHeader ? [] : [said], trace: [] })
      part = 'message'
      awaitsMessage = isHeader
    } else {
      if (ofTrace.test(line)) part = 'trace'
      errors.at(-1)?.[part].push(line)
    }
  }
  return errors.map(({ message, trace }) => ({ message: withoutEmptyEnds(message), trace: withoutEmptyEnds(trace) }))
}

const withoutEmptyEnds = (lines: readonly string[]): string[] => {
  const isFull = (line: string): boolean => line.trim() !== ''
  return lines.slice(Math.max(lines.findIndex(isFull), 0), lines.findLastIndex(isFull) + 1)
}

/** How many lines of a failed program's output are logged. */
const shownLines = 100

/**
 * What to log of a Nix program that failed: the errors, each with its message before its trace. Of a trace that is too
 * long, the part next to the fault is kept. Without an error it is the end of the output.
 */
export const complaint = (stderr: string): string[] => {
  const errors = errorsIn(stderr)
  if (errors.length === 0) return stderr.split('\n').slice(-20)
  const newOrder = /^error:\s*$/m.test(stripVTControlCharacters(stderr))
  const messages = errors.map(({ message }) => message.slice(0, shownLines))
  const lines: string[] = []
  let room = shownLines - messages.reduce((sum, message) => sum + message.length, 0)
  for (const [index, { trace }] of errors.entries()) {
    const [first = '', ...others] = messages[index] ?? []
    const kept = room <= 0 ? [] : newOrder ? trace.slice(-room) : trace.slice(0, room)
    room -= kept.length
    lines.push(`error: ${first}`, ...others, ...kept)
  }
  return lines.slice(0, shownLines)
}
