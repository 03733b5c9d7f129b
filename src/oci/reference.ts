/**
 * A repository in a registry. `registry` is the host in lower case, with the port if there is one. Source: OCI
 * distribution specification, "Pulling manifests",
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export type Repository = { readonly registry: string; readonly name: string }

const repositoryName = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const registryHost = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?$/

/** Other host names of Docker Hub. It has one name here, so that one login counts for all of them. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['index.docker.io', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
])

export const isTag = (text: string): boolean => /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(text)

/**
 * Parses `registry/name`. Upper case becomes lower case: GitHub's names have it, but registries do not allow it.
 * Returns `undefined` if the text is not a repository, if it has a tag or digest, or if its first part is not a host
 * (which is `localhost`, or has a dot or a port).
 */
export const parseRepository = (text: string): Repository | undefined => {
  const lower = text.toLowerCase()
  const slash = lower.indexOf('/')
  const host = lower.slice(0, slash)
  const registry = otherNames.get(host) ?? host
  const name = lower.slice(slash + 1)
  if (slash < 0 || !registryHost.test(registry) || !repositoryName.test(name)) return undefined
  if (!URL.canParse(`https://${registry}`)) return undefined
  if (registry !== 'localhost' && !/[.:]/.test(registry)) return undefined
  return { registry, name }
}

/** Splits `registry/name:tag`, as docker/metadata-action prints it; `undefined` if the text has another form. */
export const parseReference = (text: string): { repository: Repository; tag: string } | undefined => {
  const colon = text.lastIndexOf(':')
  const repository = parseRepository(text.slice(0, colon))
  const tag = text.slice(colon + 1)
  return colon > 0 && repository && isTag(tag) ? { repository, tag } : undefined
}

export const formatRepository = ({ registry, name }: Repository): string => `${registry}/${name}`

export const sameRepository = (a: Repository, b: Repository): boolean => a.registry === b.registry && a.name === b.name
