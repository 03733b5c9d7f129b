import { formatRepository } from '../oci/reference.ts'
import type { Outcome } from '../outcome.ts'
import { megabytes, seconds } from './units.ts'

/** The step summary in GitHub's Markdown: what to pull, what is in the image and what the run did. */
export const summary = (outcome: Outcome): string => {
  const image = formatRepository(outcome.repository)
  const { digest } = outcome.image.manifest.descriptor
  const size = outcome.layers.reduce((total, layer) => total + layer.size, 0)
  const [tag] = outcome.tags
  return [
    `### ${image}`,
    '',
    outcome.pushed
      ? `Pushed as ${outcome.tags.map((name) => `\`${name}\``).join(', ')}:`
      : `Not pushed${outcome.output ? `; the image layout is in \`${outcome.output}\`` : ''}. Its digest is \`${digest}\`.`,
    ...(outcome.pushed ? ['', '```sh', `docker pull ${image}:${tag}`, `docker pull ${image}@${digest}`, '```'] : []),
    '',
    `${outcome.packages.length} packages for ${outcome.platform} from ${outcome.source.description}: ${megabytes(outcome.closureSize)} in ${outcome.layers.flatMap((layer) => layer.storePaths).length} store paths, ${megabytes(size)} in ${outcome.layers.length} layers.`,
    ...(outcome.pushed ? ['', whatWasSent(outcome)] : []),
    '',
    ...table(
      ['Package', 'Version', 'Licence'],
      outcome.packages.map(({ attr, version, license, homepage }) => [
        homepage && /^https?:\/\/[^\s()<>]+$/.test(homepage) ? `[${cell(attr)}](${homepage})` : cell(attr),
        cell(version),
        cell(license.join(', ')),
      ]),
    ),
    ...folded(
      `${outcome.layers.length} layers`,
      table(
        ['Layer', 'Holds', 'Size', 'Origin'],
        outcome.layers.map((layer) => [
          `\`${layer.digest.slice(7, 19)}\``,
          cell(layer.holds),
          megabytes(layer.size),
          layer.origin,
        ]),
      ),
    ),
    ...(outcome.conflicts.length > 0
      ? folded(
          `${outcome.conflicts.length} files that more than one package has; the package named first wins`,
          table(
            ['File', 'In the image', 'Left out'],
            outcome.conflicts.map(({ path, winner, loser }) => [cell(path), cell(winner), cell(loser)]),
          ),
        )
      : []),
    ...folded(
      'Seconds per stage',
      table(
        ['Stage', 'Time'],
        Object.entries(outcome.timings).map(([stage, time]) => [stage, seconds(time)]),
      ),
    ),
    '',
  ].join('\n')
}

const whatWasSent = ({ layers, uploaded, requests }: Outcome): string => {
  const existing = layers.filter(({ origin }) => origin === 'exists').length
  return `Sent ${megabytes(uploaded)} in ${requests} requests; the registry had ${existing} of ${layers.length} layers already.`
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)

const folded = (title: string, lines: readonly string[]): string[] => [
  '',
  '<details>',
  `<summary>${title}</summary>`,
  '',
  ...lines,
  '',
  '</details>',
]

/** Text from package sets, which must not become markup of the page. */
const cell = (text: string): string =>
  text.replaceAll(/[\\`*_[\]<>|~#]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(/\s+/g, ' ')
