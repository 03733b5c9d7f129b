import pins from './pins.json' with { type: 'json' }
import type { SourceReference } from './source-reference.ts'

/** What is known of channels, as in `pins.json`. */
type ChannelPins = {
  readonly nixpkgs: { readonly channel: string; readonly revision: string }
  /** The last day with security updates of each release of NixOS, as `YYYY-MM-DD`, the oldest release first. */
  readonly channelEnds: Readonly<Record<string, string>>
}

/**
 * A sentence for a source that names a channel without security updates, with the channel to write instead; `undefined`
 * for others. `now` is the time of day in milliseconds since the epoch. The sentence is for the log alone, since it
 * depends on the day.
 */
export const endedChannel = (
  source: SourceReference,
  now: number,
  { nixpkgs, channelEnds: ends }: ChannelPins = pins,
): string | undefined => {
  const today = new Date(now).toISOString().slice(0, 10)
  const channel = channelOf(source, nixpkgs)
  const [release] = /(?<=^(nixos|nixpkgs|release)-)\d\d\.\d\d(?=-|$)/.exec(channel ?? '') ?? []
  if (channel === undefined || release === undefined) return undefined
  const [oldest = '', oldestEnd = ''] = Object.entries(ends)[0] ?? []
  const end = ends[release] ?? (release < oldest ? `before ${oldestEnd}` : undefined)
  if (end === undefined || (release >= oldest && today <= end)) return undefined
  const isAlive = (candidate: string): boolean => today <= (ends[candidate] ?? '')
  // The newest row may be of a channel that is still tested.
  const [, pinned = ''] = nixpkgs.channel.split('-')
  const alive = isAlive(pinned) ? pinned : Object.keys(ends).findLast(isAlive)
  const isOurs = source.type === 'nixpkgs'
  const what = isOurs ? `\`nixpkgs\` is a commit of ${channel}` : `\`nixpkgs\` is ${channel}`
  const instead = alive ? channel.replace(release, alive) : 'a newer channel'
  const advice = isOurs ? `use a newer release of this action, or write ${instead}` : `write ${instead}`
  return `${what}, which has had no security updates since ${end}; ${advice}.`
}

/** The channel that a source names, or that our own commit is of. */
const channelOf = (source: SourceReference, ours: ChannelPins['nixpkgs']): string | undefined => {
  switch (source.type) {
    case 'channel':
      return source.channel
    case 'nixpkgs':
      return source.revision === ours.revision ? ours.channel : undefined
    case 'github':
      return isNixpkgs(`${source.owner}/${source.repo}`) ? branchOf(source.ref) : undefined
    case 'git':
      return source.revision === undefined && isNixpkgs(/^https:\/\/github\.com\/(.+)$/.exec(source.url)?.[1] ?? '')
        ? branchOf(source.ref ?? '')
        : undefined
    default:
      return undefined
  }
}

const isNixpkgs = (repository: string): boolean => /^nixos\/nixpkgs(\.git)?\/?$/i.test(repository)

const branchOf = (ref: string): string => ref.replace(/^refs\/heads\//, '')
