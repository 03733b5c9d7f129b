import { parseJson, record, string } from '../check.ts'
import { UserError } from '../error.ts'

/** An input that a `flake.lock` pins, with the hash of its content. `url` is of a tarball or a git repository. */
export type LockedInput = {
  readonly type: 'git' | 'tarball'
  readonly url: string
  readonly revision: string | undefined
  readonly narHash: string
}

/**
 * Finds an input of the root flake in the text of a `flake.lock`, of format version 5 to 7. Throws a `UserError` that names
 * the file if it is none, has no such input, or pins it in a way that nothing can be fetched by. Source: the Nix manual, "nix flake", lock files.
 */
export const lockedInput = (text: string, file: string, input: string, githubUrl: string): LockedInput => {
  const nodes = nodesOf(text, file)
  const inputs = fields(fields(nodes['root'])['inputs'])
  if (!(input in inputs)) {
    const names = Object.keys(inputs).sort()
    throw new UserError(
      `\`nixpkgs\` names the input ${input} of ${file}, which has ${names.length > 0 ? `only ${names.join(', ')}` : 'no inputs'}; write one of them after \`#\`, as in \`flake.lock#name\`.`,
    )
  }
  return toInput(fields(fields(nodes[nodeName(nodes, inputs[input])])['locked']), `${file}#${input}`, githubUrl)
}

const nodesOf = (text: string, file: string): Record<string, unknown> => {
  try {
    return record(record(parseJson(text, file), file)['nodes'], `${file}: nodes`)
  } catch (cause) {
    throw new UserError(
      `\`nixpkgs\` is ${file}, which is no lock file of a flake; run \`nix flake lock\` and commit it.`,
      { cause },
    )
  }
}

const fields = (value: unknown): Record<string, unknown> =>
  value === undefined ? {} : record(value, 'a node of the lock file')

/** A node is named directly, or by the inputs that lead to it from the root ("follows"). */
const nodeName = (nodes: Record<string, unknown>, reference: unknown): string => {
  if (!Array.isArray(reference)) return string(reference, 'an input of the lock file')
  return reference.reduce<string>((node, name) => {
    const inputs = fields(fields(nodes[node])['inputs'])
    return nodeName(nodes, inputs[string(name, 'an input of the lock file')])
  }, 'root')
}

const toInput = (locked: Record<string, unknown>, what: string, githubUrl: string): LockedInput => {
  const field = (name: string): string => string(locked[name], `${what}: ${name}`)
  const narHash = locked['narHash']
  const revision = typeof locked['rev'] === 'string' ? locked['rev'] : undefined
  const from = ((): Pick<LockedInput, 'type' | 'url'> | undefined => {
    switch (locked['type']) {
      case 'github':
        return {
          type: 'tarball',
          url: `${githubUrl}/${field('owner')}/${field('repo')}/archive/${field('rev')}.tar.gz`,
        }
      case 'tarball':
        return { type: 'tarball', url: field('url') }
      case 'git':
        return { type: 'git', url: field('url') }
      default:
        return undefined
    }
  })()
  if (!from || typeof narHash !== 'string')
    throw new UserError(
      `\`nixpkgs\` is ${what}, which is locked as ${JSON.stringify(locked['type'] ?? 'nothing')}${from ? ' without `narHash`' : ''}; lock it from GitHub, git or a tarball.`,
    )
  return { ...from, revision, narHash }
}
