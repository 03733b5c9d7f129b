import type { Annotations } from '../image/configuration.ts'
import type { Problem } from './problem.ts'

/**
 * The input `labels`: `key=value` lines, as docker/metadata-action prints them. If two lines have the same key, the
 * last one counts, so that users can override printed lines below them.
 */
export const parseLabels = (text: string, problem: Problem): Record<string, string> =>
  Object.fromEntries(pairs('labels', text, problem))

/**
 * The input `annotations`: lines as in `labels`. An annotation is for the manifest and the index, unless `manifest:`,
 * `index:` or `manifest,index:` before the key says otherwise. Source: docker/metadata-action,
 * `DOCKER_METADATA_ANNOTATIONS_LEVELS`.
 */
export const parseAnnotations = (text: string, problem: Problem): Annotations => {
  const annotations: Record<'manifest' | 'index', [string, string][]> = { manifest: [], index: [] }
  for (const [given, value] of pairs('annotations', text, problem)) {
    const [, prefix = 'manifest,index', key = ''] = /^(?:([^:.]*):)?(.*)$/.exec(given) ?? []
    if (key === '') {
      problem(
        `\`annotations\` has ${JSON.stringify(given)} without a key; write one behind it, as in \`${given}key=value\`.`,
      )
      continue
    }
    for (const level of prefix.split(',')) {
      if (level === 'manifest' || level === 'index') annotations[level].push([key, value])
      else
        problem(
          `\`annotations\` has ${JSON.stringify(given)}, whose \`${level}\` is not supported; write \`manifest:\`, \`index:\`, \`manifest,index:\` or nothing before the key.`,
        )
    }
  }
  return { manifest: Object.fromEntries(annotations.manifest), index: Object.fromEntries(annotations.index) }
}

const pairs = (name: string, text: string, problem: Problem): [string, string][] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(line) ?? []
      if (key !== undefined && value !== undefined) return [[key, value]]
      problem(`\`${name}\` has ${JSON.stringify(line)}; write \`key=value\`, one a line.`)
      return []
    })
