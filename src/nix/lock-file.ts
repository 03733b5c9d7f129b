import { isRecord, parseJson, record, string } from '../lib/check.ts'
import { UserError } from '../lib/error.ts'
import { isLoopback } from '../lib/loopback.ts'
import type { Endpoints } from './endpoints.ts'
import { isNarHash, type NarHash } from './nar-hash.ts'
import type { SourceReference } from './source-reference.ts'

/** An input that a `flake.lock` pins, with the hash of its content. `url` is that of a tarball or a git repository. */
export type LockedInput = {
  readonly type: 'git' | 'tarball'
  readonly url: string
  /**
   * The commit, if the input is fetched by it. A lock file may also name a commit for a tarball of any URL, but nothing
   * proves it.
   */
  readonly revision: string | undefined
  /** The branch that has the commit, for servers that give no commit alone. Only of git repositories. */
  readonly ref?: string
  readonly narHash: NarHash
  /** What the flake asks for; `undefined` if it asks for something that is no remote source. */
  readonly original: SourceReference | undefined
}

/**
 * Finds an input of the root flake in the text of a `flake.lock`, of format version 5 to 7. Throws a `UserError` that
 * names the file if it is no lock file, has no such input, or pins it without enough to fetch it safely. Source: the
 * Nix manual, "nix flake", lock files.
 */
export const lockedInput = (
  text: string,
  file: string,
  input: string,
  endpoints: Pick<Endpoints, 'github' | 'ownGithub'>,
): LockedInput => {
  const { nodes, root } = readLock(text, file)
  if (!Object.hasOwn(inputsOf(nodes, root), input)) {
    const names = Object.keys(inputsOf(nodes, root)).sort()
    const some = [...names.slice(0, 20).map((name) => name.slice(0, 80)), ...(names.length > 20 ? ['…'] : [])]
    throw new UserError(
      `\`nixpkgs\` names the input ${input} of ${file}, which has ${names.length > 0 ? `only ${some.join(', ')}` : 'no inputs'}; write one of them after \`#\`, as in \`flake.lock#name\`.`,
    )
  }
  const node = fields(own(nodes, followed(nodes, root, input, file)))
  return {
    ...toInput(fields(own(node, 'locked')), `${file}#${input}`, endpoints),
    original: originalOf(fields(own(node, 'original'))),
  }
}

const readLock = (text: string, file: string): { nodes: Record<string, unknown>; root: string } => {
  try {
    const lock = record(parseJson(text, file), file)
    return { nodes: record(own(lock, 'nodes'), `${file}: nodes`), root: string(own(lock, 'root'), `${file}: root`) }
  } catch (cause) {
    throw new UserError(
      `\`nixpkgs\` is ${file}, which is no lock file of a flake; run \`nix flake lock\` and commit it.`,
      { cause },
    )
  }
}

const fields = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})

/** Reads only own properties, since a file may use `constructor` or `__proto__` as a name. */
const own = (object: Record<string, unknown>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

const inputsOf = (nodes: Record<string, unknown>, node: string): Record<string, unknown> =>
  fields(own(fields(own(nodes, node)), 'inputs'))

/** How many levels deep inputs may follow other inputs. */
const deepest = 100

/**
 * The name of the node for an input of the root. A file names a node directly, or by the inputs that lead to it from
 * the root ("follows"). Each input of each node is looked up once, however many others follow it.
 */
const followed = (nodes: Record<string, unknown>, root: string, input: string, file: string): string => {
  const wrong = (why: string): UserError =>
    new UserError(`\`nixpkgs\` is ${file}#${input}, which ${why}; run \`nix flake lock\` and commit it.`)
  const known = new Map<string, Map<string, string | undefined>>()
  const inputOf = (node: string, name: string, depth: number): string => {
    const ofNode = known.get(node) ?? new Map<string, string | undefined>()
    known.set(node, ofNode)
    const found = ofNode.get(name)
    if (found !== undefined) return found
    if (ofNode.has(name)) throw wrong('follows other inputs in a circle')
    if (depth > deepest) throw wrong(`follows other inputs more than ${deepest} deep`)
    ofNode.set(name, undefined)
    const reference = own(inputsOf(nodes, node), name)
    const target = Array.isArray(reference) ? follow(reference, depth + 1) : reference
    if (typeof target !== 'string') throw wrong('follows an input that is not there')
    ofNode.set(name, target)
    return target
  }
  const follow = (path: readonly unknown[], depth: number): string =>
    path.reduce<string>((node, name) => {
      if (typeof name !== 'string') throw wrong('follows an input that is not there')
      return inputOf(node, name, depth)
    }, root)
  return inputOf(root, input, 0)
}

const textOf =
  (object: Record<string, unknown>) =>
  (name: string): string => {
    const value = own(object, name)
    return typeof value === 'string' ? value : ''
  }

const originalOf = (original: Record<string, unknown>): SourceReference | undefined => {
  const text = textOf(original)
  const revision = text('rev') || undefined
  switch (text('type')) {
    case 'github':
      if (text('host') && text('host').toLowerCase() !== 'github.com') return undefined
      return { type: 'github', owner: text('owner'), repo: text('repo'), ref: revision ?? text('ref') }
    case 'git':
      return { type: 'git', url: text('url'), ref: text('ref'), revision }
    case 'tarball':
      return { type: 'tarball', url: text('url'), narHash: undefined }
    case 'indirect':
      // What the registry of flakes has of this name.
      return text('id') === 'nixpkgs'
        ? { type: 'github', owner: 'NixOS', repo: 'nixpkgs', ref: revision ?? text('ref') }
        : undefined
    default:
      return undefined
  }
}

const toInput = (
  locked: Record<string, unknown>,
  what: string,
  { github, ownGithub }: Pick<Endpoints, 'github' | 'ownGithub'>,
): Omit<LockedInput, 'original'> => {
  const text = textOf(locked)
  const wrong = (why: string): UserError =>
    new UserError(`\`nixpkgs\` is ${what}, which ${why}; lock it from GitHub, git or a tarball.`)
  const narHash = text('narHash')
  const revision = text('rev') || undefined
  if (!isNarHash(narHash)) throw wrong('is locked without a `narHash`')
  if (revision && !/^[0-9a-f]{40}$/.test(revision)) throw wrong('is locked to something that is no commit')
  switch (text('type')) {
    case 'github': {
      const [owner, repo] = [text('owner'), text('repo')]
      if (!revision || !isName(owner) || !isName(repo))
        throw wrong('is locked without an owner, a repository or a commit')
      const host = text('host').toLowerCase() || 'github.com'
      const server = host === 'github.com' ? github : host === URL.parse(ownGithub)?.host ? ownGithub : undefined
      if (!server) throw wrong('is locked to another GitHub than that of the workflow')
      const url = fetchable(`${server}/${owner}/${repo}/archive/${revision}.tar.gz`, wrong)
      return { type: 'tarball', url, revision, narHash }
    }
    case 'tarball':
      return { type: 'tarball', url: fetchable(text('url'), wrong), revision: undefined, narHash }
    case 'git':
      if (!revision) throw wrong('is locked without a commit')
      if (/[?#]/.test(text('url'))) throw wrong('is locked to a git URL with a query')
      if (own(locked, 'submodules') === true) throw wrong('is locked with its submodules, which are not fetched')
      for (const name of ['lfs', 'exportIgnore'])
        if (own(locked, name) === true)
          throw wrong(`is locked with \`${name}\`, which changes its files and is not supported`)
      return {
        type: 'git',
        url: fetchable(text('url'), wrong),
        revision,
        narHash,
        ...(/^\w[\w./-]*$/.test(text('ref')) && { ref: text('ref') }),
      }
    default:
      throw wrong(`is locked as ${JSON.stringify(text('type').slice(0, 80) || 'nothing')}`)
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
