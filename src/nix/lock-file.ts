import { isRecord, parseJson, record, string } from '../check.ts'
import { UserError } from '../error.ts'
import { isLoopback } from '../loopback.ts'
import { isNarHash, type NarHash } from './nar-hash.ts'

/** An input that a `flake.lock` pins, with the hash of its content. `url` is of a tarball or a git repository. */
export type LockedInput = {
  readonly type: 'git' | 'tarball'
  readonly url: string
  readonly revision: string | undefined
  readonly narHash: NarHash
}

/**
 * Finds an input of the root flake in the text of a `flake.lock`, of format version 5 to 7. Throws a `UserError` that names
 * the file if it is none, has no such input, or pins it in a way that nothing can be fetched by. Source: the Nix manual, "nix flake", lock files.
 */
export const lockedInput = (text: string, file: string, input: string, githubUrl: string): LockedInput => {
  const { nodes, root } = readLock(text, file)
  const inputs = inputsOf(nodes, root)
  const reference = Object.hasOwn(inputs, input) ? inputs[input] : undefined
  if (reference === undefined) {
    const names = Object.keys(inputs).sort()
    throw new UserError(
      `\`nixpkgs\` names the input ${input} of ${file}, which has ${names.length > 0 ? `only ${names.join(', ')}` : 'no inputs'}; write one of them after \`#\`, as in \`flake.lock#name\`.`,
    )
  }
  const node = nodeName(nodes, root, reference, Object.keys(nodes).length)
  const locked = node === undefined ? undefined : fields(fields(nodes[node])['locked'])
  return toInput(locked ?? {}, `${file}#${input}`, githubUrl)
}

const readLock = (text: string, file: string): { nodes: Record<string, unknown>; root: string } => {
  try {
    const lock = record(parseJson(text, file), file)
    return { nodes: record(lock['nodes'], `${file}: nodes`), root: string(lock['root'], `${file}: root`) }
  } catch (cause) {
    throw new UserError(
      `\`nixpkgs\` is ${file}, which is no lock file of a flake; run \`nix flake lock\` and commit it.`,
      { cause },
    )
  }
}

const fields = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})

const inputsOf = (nodes: Record<string, unknown>, node: string): Record<string, unknown> =>
  fields(fields(nodes[node])['inputs'])

/**
 * A node is named directly, or by the inputs that lead to it from the root ("follows"); `steps` are as many as there can be
 * where none goes in a circle.
 */
const nodeName = (
  nodes: Record<string, unknown>,
  root: string,
  reference: unknown,
  steps: number,
): string | undefined => {
  if (typeof reference === 'string') return reference
  if (!Array.isArray(reference) || steps === 0) return undefined
  return reference.reduce<string | undefined>(
    (node, name) =>
      node === undefined ? undefined : nodeName(nodes, root, inputsOf(nodes, node)[String(name)], steps - 1),
    root,
  )
}

const toInput = (locked: Record<string, unknown>, what: string, githubUrl: string): LockedInput => {
  const text = (name: string): string => (typeof locked[name] === 'string' ? locked[name] : '')
  const wrong = (why: string): UserError =>
    new UserError(`\`nixpkgs\` is ${what}, which ${why}; lock it from GitHub, git or a tarball.`)
  const narHash = text('narHash')
  const revision = text('rev') || undefined
  if (!isNarHash(narHash)) throw wrong('is locked without a `narHash`')
  if (revision && !/^[0-9a-f]{40}$/.test(revision)) throw wrong('is locked to something that is no commit')
  switch (locked['type']) {
    case 'github': {
      const [owner, repo] = [text('owner'), text('repo')]
      if (!revision || !isName(owner) || !isName(repo))
        throw wrong('is locked without an owner, a repository or a commit')
      return { type: 'tarball', url: `${githubUrl}/${owner}/${repo}/archive/${revision}.tar.gz`, revision, narHash }
    }
    case 'tarball':
      return { type: 'tarball', url: fetchable(text('url'), wrong), revision, narHash }
    case 'git':
      if (!revision) throw wrong('is locked without a commit')
      return { type: 'git', url: fetchable(text('url'), wrong), revision, narHash }
    default:
      throw wrong(`is locked as ${JSON.stringify(locked['type'] ?? 'nothing')}`)
  }
}

const isName = (text: string): boolean => /^[A-Za-z0-9_.-]+$/.test(text)

/** The same rules as for a URL in the `nixpkgs` input. */
const fetchable = (text: string, wrong: (why: string) => UserError): string => {
  const url = URL.parse(text)
  if (!url || !['https:', 'http:', 'ssh:', 'file:'].includes(url.protocol))
    throw wrong('is locked to something that is no URL')
  if (url.password || (url.username && url.protocol !== 'ssh:'))
    throw wrong('is locked to a URL with a user or password')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw wrong('is locked to a URL that anybody on the way can change')
  return url.href
}
