import type { Problem } from './problem.ts'

/**
 * The words of a command, from a JSON array of strings, or split as a shell would: by white space, with single and
 * double quotes and backslashes. No shell will run the command, so text that a shell would expand is refused.
 * `undefined` if nothing is given. Source: POSIX.1-2017, Shell Command Language, 2.2 "Quoting" and 2.3 "Token
 * Recognition".
 */
export const parseWords = (name: string, text: string, problem: Problem): readonly string[] | undefined => {
  if (text === '') return undefined
  const words = text.startsWith('[') ? parseArray(text) : splitWords(text)
  if (typeof words !== 'string') return words
  problem(`\`${name}\` ${words}.`)
  return undefined
}

/** The words, or a clause that says what is wrong. */
type Words = readonly string[] | string

const parseArray = (text: string): Words => {
  const isWord = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0')
  try {
    const words: unknown = JSON.parse(text)
    if (Array.isArray(words) && words.every(isWord)) return words
  } catch {
    // The problem is reported below, as for JSON that is something else.
  }
  return 'starts with `[` and is no JSON array of strings; write it as in `["program", "argument"]`'
}

/** The next part of a command; the group that matches is the kind of the part. */
const token =
  /(?<blank>[ \t]+|\\\n)|'(?<single>[^']*)'|"(?<double>(?:[^"\\$`]|\\.)*)"|\\(?<escaped>.)|(?<plain>[^ \t\n'"\\|&;<>()$`*?[]+)/sy

const splitWords = (text: string): Words => {
  const words: string[] = []
  let inWord = false
  token.lastIndex = 0
  while (token.lastIndex < text.length) {
    const rest = text.slice(token.lastIndex)
    const { blank, single, double, escaped, plain } = token.exec(text)?.groups ?? {}
    if (blank !== undefined) {
      // A backslash at the end of a line only joins this line to the next one.
      inWord &&= blank === '\\\n'
      continue
    }
    const part = single ?? double?.replaceAll(/\\(?:\n|([$`"\\]))/g, '$1') ?? escaped ?? plain
    if (part === undefined || (!inWord && /^[~#]/.test(plain ?? ''))) return faultAt(rest)
    words.push((inWord ? words.pop() : '') + part)
    inWord = true
  }
  return words
}

const faultAt = (rest: string): string => {
  const character = rest.charAt(0)
  if (character === '\\') return 'ends with a backslash; put something behind it, or write two of them'
  if (character === "'") return "has a `'` that is not closed; close it, or write a backslash before it"
  const inQuotes = /^"(?:[^"\\$`]|\\.)*([$`])/s.exec(rest)?.[1]
  if (character === '"' && !inQuotes) return 'has a `"` that is not closed; close it, or write a backslash before it'
  const what = inQuotes ?? character
  return `has ${names[what] ?? `a \`${what}\``} that only a shell would understand; write it in single quotes, or start a shell as in \`sh -c '…'\``
}

const names: Readonly<Record<string, string>> = { '\n': 'a line break', '`': 'a backquote' }
