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
 * for others. `now` is the time of day in milliseconds since the epoch. `lockFile` is the file that has the source as
 * what the flake asks for. The sentence is for the log alone, since it depends on the day.
 */
export const endedChannel = (
  source: SourceReference,
  now: number,
  lockFile?: string,
  { nixpkgs, channelEnds: ends }: ChannelPins = pins,
): string | undefined => {
  const today = new Date(now).toISOString().slice(0, 10)
  const channel = channelOf(source, nixpkgs)
  const [, kind, release, suffix] = form.exec(channel ?? '') ?? []
  if (kind === undefined || release === undefined) return undefined
  const [oldest = '', oldestEnd = ''] = Object.entries(ends)[0] ?? []
  const end = ends[release]
  if (end === undefined ? release >= oldest : today <= end) return undefined
  const ended = `whose security updates ended ${end === undefined ? `before ${oldestEnd}` : `on ${end}`}`
  const isAlive = (candidate: string): boolean => today <= (ends[candidate] ?? '')
  // The newest row may be of a channel that is still tested.
  const [, pinned = ''] = nixpkgs.channel.split('-')
  const alive = isAlive(pinned) ? pinned : Object.keys(ends).findLast(isAlive)
  const kept = suffixes[kind] === suffix ? suffix : ''
  const instead = alive ? `${kind}-${alive}${kept}` : 'a newer channel'
  if (lockFile !== undefined)
    return `\`nixpkgs\` is ${lockFile}, which locks ${channel}, ${ended}; write ${instead} into the flake, and run \`nix flake update\`.`
  return source.type === 'nixpkgs'
    ? `\`nixpkgs\` is a commit of ${channel}, ${ended}; use a newer release of this action, or write ${instead}.`
    : `\`nixpkgs\` is ${channel}, ${ended}; write ${instead}.`
}

const form = /^(nixos|nixpkgs|release)-(\d\d\.\d\d)((?:-[a-z0-9]+)*)$/

/** The suffix that channels of each release still have. There were others, as in `nixos-20.09-aarch64`. */
const suffixes: Readonly<Record<string, string>> = { nixos: '-small', nixpkgs: '-darwin' }

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
    case 'tarball':
      return channelUrls.map((url) => url.exec(source.url)?.[1]).find((channel) => channel !== undefined)
    default:
      return undefined
  }
}

/** The URLs of a channel that Nix's manual has, and that of a branch's archive. */
const channelUrls = [
  /^https:\/\/(?:channels\.nixos\.org|nixos\.org\/channels)\/([^/]+)\/nixexprs\.tar\.(?:xz|gz|bz2)$/,
  /^https:\/\/github\.com\/nixos\/nixpkgs\/archive\/(?:refs\/heads\/)?([^/]+)\.tar\.gz$/i,
]

const isNixpkgs = (repository: string): boolean => /^nixos\/nixpkgs(\.git)?\/?$/i.test(repository)

const branchOf = (ref: string): string => ref.replace(/^refs\/heads\//, '')
