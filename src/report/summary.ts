import { closureSize } from '../graph/closure.ts'
import { counted, megabytes, seconds } from '../lib/units.ts'
import { formatRepository } from '../oci/reference.ts'
import type { Outcome, OutcomeLayer, PlatformOutcome } from './outcome.ts'

/** The step summary in GitHub's Markdown: what to pull, what is in the image and what the run did. */
export const summary = (outcome: Outcome): string => {
  const { repository, tags, descriptor, platforms, source, pushed, output } = outcome
  const image = formatRepository(repository)
  return [
    `### ${image}`,
    '',
    ...(pushed
      ? [
          `Pushed as ${tags.map((tag) => `\`${tag}\``).join(', ')}:`,
          '',
          '```sh',
          `docker pull ${image}:${tags[0]}`,
          `docker pull ${image}@${descriptor.digest}`,
          '```',
          '',
          whatWasSent(outcome),
        ]
      : [
          `Not pushed${output ? `; the image layout is in \`${output}\`` : ''}. Its digest is \`${descriptor.digest}\`.`,
        ]),
    '',
    ...table(
      ['Package', 'Version', 'Outputs', 'Licence'],
      platforms[0].packages.map(({ attr, version, outputs, license, homepage }) => [
        homepage && /^https?:\/\/[^\s()<>|]+$/.test(homepage) ? `[${cell(attr)}](${homepage})` : cell(attr),
        cell(version),
        cell(outputs.map(({ name }) => name).join(', ') || 'not linked'),
        cell(license.join(', ')),
      ]),
    ),
    '',
    `From ${cell(source.description)}.`,
    ...platforms.flatMap(platformSections),
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

const whatWasSent = ({ platforms, reused, secondsBefore, timings, uploaded, requests }: Outcome): string => {
  const layers = platforms.flatMap((platform) => platform.layers)
  const number = (fits: (layer: OutcomeLayer) => boolean): number => layers.filter(fits).length
  const sent = `Sent ${megabytes(uploaded)} in ${requests} requests`
  const now = Object.values(timings).reduce((total, time) => total + time, 0)
  if (reused === 'image')
    return `${sent}. Nothing was evaluated: the layers are those that an earlier run made in ${seconds(secondsBefore)}, and finding them took ${seconds(now)}.`
  const known =
    reused === 'layers'
      ? `${number(({ made }) => made === 'reused')} of ${layers.length} layers are an earlier run's, and `
      : ''
  return `${sent}; ${known}the registry had ${number(({ made, blob }) => made === 'built' && blob === 'there')} of ${layers.length} layers already.`
}

const platformSections = ({ platform, layers, conflicts, danglingLinks, closure }: PlatformOutcome): string[] => {
  const size = layers.reduce((total, layer) => total + layer.size, 0)
  const paths = layers.reduce((total, { storePaths }) => total + storePaths.length, 0)
  return [
    '',
    `${platform}: ${megabytes(closureSize(closure))} in ${paths} store paths, ${megabytes(size)} in ${counted(layers.length, 'layer')}.`,
    ...folded(
      counted(layers.length, 'layer'),
      table(
        ['Layer', 'Holds', 'Size', 'Made', 'Blob'],
        layers.map((layer) => [
          `\`${layer.digest.slice('sha256:'.length, 19)}\``,
          cell(layer.holds),
          megabytes(layer.size),
          layer.made,
          layer.blob ?? 'not pushed',
        ]),
      ),
    ),
    ...(conflicts.length > 0
      ? folded(
          `${counted(conflicts.length, 'name')} that more than one package has a file of; the package named first wins${onlyFirst(conflicts)}`,
          table(
            ['File', 'In the image', 'Left out'],
            conflicts.slice(0, shown).map(({ path, winner, loser }) => [cell(path), cell(winner), cell(loser)]),
          ),
        )
      : []),
    ...(danglingLinks.length > 0
      ? folded(
          `${counted(danglingLinks.length, 'link')} that ${danglingLinks.length === 1 ? 'leads' : 'lead'} to nothing in the image${onlyFirst(danglingLinks)}`,
          table(
            ['Link', 'Of', 'To'],
            danglingLinks.slice(0, shown).map(({ path, owner, target }) => [cell(path), cell(owner), cell(target)]),
          ),
        )
      : []),
  ]
}

/** GitHub allows 1 MiB for a summary. */
const shown = 200

const onlyFirst = (rows: readonly unknown[]): string => (rows.length > shown ? ` (the first ${shown} are shown)` : '')

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

/** Package sets supply this text, and it must not become markup of the page. */
const cell = (text: string): string =>
  text.replaceAll(/[\\`*_[\]<>|~#&]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(/\s+/g, ' ')
