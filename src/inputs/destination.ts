import {
  formatRepository,
  isTag,
  parseReference,
  parseRepository,
  type Repository,
  sameRepository,
} from '../oci/reference.ts'
import type { Context } from './context.ts'
import { type Problem, quoted } from './problem.ts'

export type Destination = { readonly repository: Repository; readonly tags: readonly string[] }

/**
 * The repository and the tags of the image. The repository is `image`, or else the one that full references in `tags`
 * name, or else the one with the name of the workflow's repository in the registry of its GitHub.
 */
export const parseDestination = (
  imageText: string,
  tagsText: string,
  { github, repository: ownRepository }: Pick<Context, 'github' | 'repository'>,
  problem: Problem,
): Destination => {
  const example = `${github.registry ?? 'registry.example.org'}/owner/name`
  const given = imageText ? parseRepository(imageText) : undefined
  if (imageText && !given)
    problem(
      `\`image\` is ${quoted(imageText)}; write registry and repository without a tag, as in \`${example}\`${parseRepository(`docker.io/${imageText}`) ? `, or for Docker Hub \`docker.io/${imageText}\`` : ''}.`,
    )
  const { tags, repositories } = parseTags(tagsText, example, problem)
  const [first, ...others] = repositories
  const other = others.find((repository) => first && !sameRepository(repository, first))
  if (first && other)
    problem(`\`tags\` names ${formatRepository(first)} and ${formatRepository(other)}; give tags of one repository.`)
  if (given && first && !sameRepository(given, first))
    problem(
      `\`tags\` names ${formatRepository(first)}, but \`image\` ${formatRepository(given)}; give tags of that repository.`,
    )
  const repository = given ?? first ?? parseRepository(`${github.registry}/${ownRepository}`)
  if (!repository && !imageText) problem(`\`image\` is not given; write registry and repository, as in \`${example}\`.`)
  return { repository: repository ?? { registry: '', name: '' }, tags }
}

const parseTags = (text: string, example: string, problem: Problem): { tags: string[]; repositories: Repository[] } => {
  const tags = new Set<string>()
  const repositories: Repository[] = []
  const items = text.split(/[\n,]/).map((item) => item.trim())
  for (const item of items.filter((item) => item !== '')) {
    const reference = parseReference(item)
    if (reference) repositories.push(reference.repository)
    else if (!isTag(item))
      problem(
        `\`tags\` has ${quoted(item)}; write a tag of up to 128 letters, digits, dots, hyphens and underscores, or a reference such as \`${example}:tag\`.`,
      )
    tags.add(reference?.tag ?? item)
  }
  if (tags.size === 0)
    problem('`tags` is empty; write one tag a line, or leave it out to tag the image with the commit.')
  return { tags: [...tags], repositories }
}
