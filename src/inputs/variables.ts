import type { Problem } from './problem.ts'

/**
 * Environment variables, one `NAME=value` a line; lines that start with `#` are comments. The value is everything after
 * the first `=`. If two lines have the same name, the last one counts.
 */
export const parseVariables = (text: string, problem: Problem): Record<string, string> => {
  const variables: [string, string][] = []
  for (const line of text.split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line))) {
    const [, name, value] = /^\s*([^\s=]+)=(.*)$/s.exec(line) ?? []
    if (name === undefined || value === undefined) {
      problem(`\`env\` has ${JSON.stringify(line.trim())}; write \`NAME=value\`, one a line.`)
      continue
    }
    const expanded = [...value.matchAll(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*))/g)].map(
      ([, braced, plain]) => braced ?? plain,
    )
    if (expanded.includes(name))
      problem(
        `\`env\` has ${JSON.stringify(line.trim())}, where nothing is expanded; write the value in full, as in \`PATH=/opt/bin:/bin:/sbin:/usr/bin\`.`,
      )
    variables.push([name, value])
  }
  return Object.fromEntries(variables)
}
