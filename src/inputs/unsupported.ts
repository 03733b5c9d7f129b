import type { GetInput, Problem } from './problem.ts'

/**
 * Inputs that do not do anything yet, with the values at which they would not do anything either. Any other value is refused,
 * so that nobody believes that it had an effect.
 */
const withoutEffect: Readonly<Record<string, readonly string[]>> = {
  'cache-signing-key': [''],
  reuse: ['true', 'false'],
}

export const checkUnsupported = (get: GetInput, problem: Problem): void => {
  for (const [name, values] of Object.entries(withoutEffect)) {
    const value = get(name)
    const instead = values.map((value) => (value ? `\`${value}\`` : 'nothing')).join(' or ')
    // The value is not repeated: one of these inputs is a secret key.
    if (!values.includes(value)) problem(`\`${name}\` is not supported yet; write ${instead}.`)
  }
}
