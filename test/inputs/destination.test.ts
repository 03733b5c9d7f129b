import { describe, expect, test } from 'vitest'
import { type Destination, parseDestination } from '../../src/inputs/destination.ts'
import { githubServer } from '../../src/lib/github-server.ts'

type Read = { destination: Destination; problems: string[] }

const read = (image: string, tags: string, ownRepository = 'Owner/Name', server = 'https://github.com'): Read => {
  const problems: string[] = []
  const own = { github: githubServer(server), repository: ownRepository }
  return {
    destination: parseDestination(image, tags, own, (sentence) => problems.push(sentence)),
    problems,
  }
}

const ghcr = (name: string): Destination['repository'] => ({ registry: 'ghcr.io', name })

describe('the image goes to', () => {
  test.each<[string, string, string, Destination['repository']]>([
    ['`image`', 'ghcr.io/owner/tools', 'v1', ghcr('owner/tools')],
    ['`image` in lower case', 'GHCR.io/Owner/Tools', 'v1', ghcr('owner/tools')],
    ['a registry with a port', 'localhost:5000/tools', 'v1', { registry: 'localhost:5000', name: 'tools' }],
    ['the repository that tags name', '', 'ghcr.io/owner/tools:v1', ghcr('owner/tools')],
    ['the repository that tags name in upper case', '', 'ghcr.io/Owner/Tools:V1', ghcr('owner/tools')],
    ['the workflow’s repository on ghcr.io', '', 'v1', ghcr('owner/name')],
    ['`image`, which the tags name too', 'ghcr.io/owner/tools', 'ghcr.io/OWNER/tools:v1', ghcr('owner/tools')],
  ])('%s', (_, image, tags, repository) => {
    const { destination, problems } = read(image, tags)
    expect({ repository: destination.repository, problems }).toEqual({ repository, problems: [] })
  })
})

test('without `image`, it goes to the registry of the GitHub that the workflow runs on', () => {
  const { destination, problems } = read('', 'v1', 'Owner/Name', 'https://ghe.example.org')
  expect({ repository: destination.repository, problems }).toEqual({
    repository: { registry: 'containers.ghe.example.org', name: 'owner/name' },
    problems: [],
  })
})

test('of a server without a known registry, `image` has to be given', () => {
  expect(read('', 'v1', 'Owner/Name', 'https://example.org/git').problems).toEqual([
    '`image` is not given; write registry and repository, as in `registry.example.org/owner/name`.',
  ])
  expect(read('tools', 'a b', 'Owner/Name', 'https://octocorp.ghe.com').problems).toEqual([
    expect.stringContaining('as in `containers.octocorp.ghe.com/owner/name`'),
    expect.stringContaining('a reference such as `containers.octocorp.ghe.com/owner/name:tag`'),
  ])
})

describe('tags', () => {
  test.each<[string, string, string[]]>([
    ['one a line', 'v1\nv1.2\nlatest\n', ['v1', 'v1.2', 'latest']],
    ['separated by commas', 'v1, v1.2 ,latest', ['v1', 'v1.2', 'latest']],
    [
      'in references as docker/metadata-action prints them',
      'ghcr.io/Owner/Name:v1\nghcr.io/Owner/Name:sha-1a2b',
      ['v1', 'sha-1a2b'],
    ],
    ['bare and in references', 'ghcr.io/owner/name:v1,latest', ['v1', 'latest']],
    ['that come twice are there once', 'v1\nv1,ghcr.io/owner/name:v1', ['v1']],
    ['with upper case, which they keep', 'ghcr.io/owner/name:RC1,PR', ['RC1', 'PR']],
    ['of all characters that there are', '_a-b.c', ['_a-b.c']],
    ['of 128 characters', 'x'.repeat(128), ['x'.repeat(128)]],
    ['of a registry with a port', 'localhost:5000/name:v1', ['v1']],
  ])('%s are read', (_, text, tags) => {
    const { destination, problems } = read('', text)
    expect({ tags: destination.tags, problems }).toEqual({ tags, problems: [] })
  })
})

describe('the user is told', () => {
  test.each(['ghcr.io/owner/tools:v1', 'https://ghcr.io/owner/tools', 'ghcr.io/', 'ghcr.io/a b'])(
    'that %s is no `image`',
    (image) => {
      expect(read(image, 'v1').problems).toEqual([
        `\`image\` is ${JSON.stringify(image)}; write registry and repository without a tag, as in \`ghcr.io/owner/name\`.`,
      ])
    },
  )

  test.each(['owner/tools', 'tools'])('that %s may be meant to be on Docker Hub', (image) => {
    expect(read(image, 'v1').problems).toEqual([
      `\`image\` is "${image}"; write registry and repository without a tag, as in \`ghcr.io/owner/name\`, or for Docker Hub \`docker.io/${image}\`.`,
    ])
  })

  test.each([
    'a b',
    '.v1',
    '-v1',
    'v1!',
    'x'.repeat(129),
    'owner/tools:v1',
    'ghcr.io/owner/tools',
    'ghcr.io/owner/tools:',
    ':v1',
  ])('that %s is no tag', (tag) => {
    expect(read('ghcr.io/owner/tools', `v1\n${tag}`).problems).toEqual([
      `\`tags\` has ${JSON.stringify(tag)}; write a tag of up to 128 letters, digits, dots, hyphens and underscores, or a reference such as \`ghcr.io/owner/name:tag\`.`,
    ])
  })

  test.each(['', ' \n', ',\n,'])('that there is no tag (%j)', (tags) => {
    expect(read('', tags).problems).toEqual([
      '`tags` is empty; write one tag a line, or leave it out to tag the image with the commit.',
    ])
  })

  test('of tags of two repositories', () => {
    expect(read('', 'ghcr.io/owner/one:v1\nghcr.io/owner/one:v2\nghcr.io/Owner/Two:v1').problems).toEqual([
      '`tags` names ghcr.io/owner/one and ghcr.io/owner/two; give tags of one repository.',
    ])
  })

  test('of tags of another repository than `image`', () => {
    expect(read('ghcr.io/owner/one', 'latest,quay.io/Owner/one:v1').problems).toEqual([
      '`tags` names quay.io/owner/one, but `image` ghcr.io/owner/one; give tags of that repository.',
    ])
  })

  test('to name an image where there is no workflow to name it after', () => {
    expect(read('', 'v1', '').problems).toEqual([
      '`image` is not given; write registry and repository, as in `ghcr.io/owner/name`.',
    ])
  })
})
