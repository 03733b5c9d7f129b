import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messages } from '../src/lib/error.ts'
import { downloadFile, downloadText } from '../src/nix/download.ts'
import { isAffected } from '../src/nix/known-vulnerabilities.ts'
import { hashNar } from '../src/nix/nar.ts'
import { releaseUrl } from '../src/nix/release.ts'

/** The content of `src/nix/pins.json`. Days are `YYYY-MM-DD`, checksums of Nix hex digits by system. */
export type Pins = {
  readonly nixpkgs: { readonly channel: string; readonly revision: string; readonly narHash: string }
  readonly channelEnds: Readonly<Record<string, string>>
  readonly nix: {
    readonly default: string
    readonly releases: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
}

/** URLs without a slash at the end. `releaseList` is the S3 bucket behind `releases`. */
type Servers = Readonly<Record<'channels' | 'github' | 'releases' | 'releaseList', string>>

/** `temporary` is a folder for what is downloaded. */
type Tools = { readonly servers: Servers; readonly temporary: string; readonly signal: AbortSignal }

/**
 * The pins as they should be on the day `today`, by the rules of docs/decisions/0002-nixpkgs-pin.md. Throws an `Error`
 * of one sentence if a server does not answer or answers something else.
 */
export const updatePins = async (pins: Pins, today: string, tools: Tools): Promise<Pins> => {
  const channelEnds = await updateChannels(pins.channelEnds, tools)
  // A channel is there some weeks before its release, which is at the end of its month.
  const released = Object.keys(channelEnds).findLast((release) => endOfMonth(release, 0) < today)
  const channel = released === undefined ? pins.nixpkgs.channel : `nixos-${released}`
  const revision = await revisionOf(channel, tools)
  const isSame = revision === pins.nixpkgs.revision
  const narHash = isSame ? pins.nixpkgs.narHash : await prefetch(revision, tools)
  return { nixpkgs: { channel, revision, narHash }, channelEnds, nix: await updateNix(pins.nix, tools) }
}

/** What is new, one sentence each, in Markdown. */
export const describeChanges = (before: Pins, after: Pins): string[] => {
  const { channel, revision, narHash } = after.nixpkgs
  const addedReleases = Object.keys(after.nix.releases).filter((version) => !(version in before.nix.releases))
  const addedChannels = Object.keys(after.channelEnds).filter((release) => !(release in before.channelEnds))
  return [
    ...(JSON.stringify(before.nixpkgs) === JSON.stringify(after.nixpkgs)
      ? []
      : [`The default \`nixpkgs\` is \`${revision}#${narHash}\` of ${channel}.`]),
    ...addedReleases.map((version) => `The checksums of Nix ${version} are known.`),
    ...skippedSeries(before.nix, after.nix).map((series) => `Nix 2.${series} is skipped, since it has no release.`),
    ...(before.nix.default === after.nix.default
      ? []
      : [`The Nix that is installed by default is ${after.nix.default}.`]),
    ...addedChannels.map(
      (release) =>
        `nixos-${release} is there, with security updates until ${after.channelEnds[release]} by the rule of seven months; compare that with its announcement.`,
    ),
  ]
}

/** Series without a release, below one that has appeared. */
const skippedSeries = (before: Pins['nix'], after: Pins['nix']): number[] => {
  const [newest = 0] = seriesOf(before).slice(-1)
  const there = seriesOf(after)
  const [last = 0] = there.slice(-1)
  return Array.from({ length: last - newest }, (_, index) => newest + 1 + index).filter((each) => !there.includes(each))
}

/**
 * Adds a row for each release whose channel has appeared. Rows that are there stay, since somebody may have edited one.
 */
const updateChannels = async (ends: Pins['channelEnds'], tools: Tools): Promise<Pins['channelEnds']> => {
  const rows = new Map(Object.entries(ends))
  let [newest = ''] = [...rows.keys()].slice(-1)
  for (;;) {
    newest = releaseAfter(newest)
    if (!(await isThere(newest, tools))) return Object.fromEntries(rows)
    rows.set(newest, endOfMonth(newest, 7))
  }
}

/** There are two releases a year: `26.05` comes before `26.11`, and that before `27.05`. */
const releaseAfter = (release: string): string => {
  const [year, month] = release.split('.')
  return month === '05' ? `${year}.11` : `${Number(year) + 1}.05`
}

/** The last day of the month that is so many months after the one that names the release. */
const endOfMonth = (release: string, months: number): string => {
  const [year = 0, month = 0] = release.split('.').map(Number)
  return new Date(Date.UTC(2000 + year, month + months, 0)).toISOString().slice(0, 10)
}

const isThere = async (release: string, tools: Tools): Promise<boolean> => {
  try {
    await revisionOf(`nixos-${release}`, tools)
    return true
  } catch (error) {
    // A bucket that does not let everybody list it answers 403 for what it does not have.
    if (/the server answers 40[34]\)/.test(messages(error)[0] ?? '')) return false
    throw error
  }
}

const revisionOf = async (channel: string, { servers, signal }: Tools): Promise<string> => {
  const url = `${servers.channels}/${channel}/git-revision`
  const revision = await downloadText(url, { signal })
  if (!/^[0-9a-f]{40}$/.test(revision)) throw new Error(`${url} answers no commit, but ${quoted(revision)}.`)
  return revision
}

/** The hash that `nix-prefetch-url --unpack` and lock files have for the archive of a commit of nixpkgs. */
const prefetch = async (revision: string, { servers, temporary, signal }: Tools): Promise<string> => {
  const url = `${servers.github}/NixOS/nixpkgs/archive/${revision}.tar.gz`
  const folder = await mkdtemp(join(temporary, 'nixpkgs-'))
  const file = join(folder, 'archive')
  const content = join(folder, 'content')
  await downloadFile(url, file, { signal })
  await mkdir(content)
  const options = ['--extract', '--gzip', '--no-same-owner', '--file', file, '--directory', content]
  await promisify(execFile)('tar', options, { signal }).catch((cause) => {
    throw new Error(`${url} cannot be unpacked (${firstLine(cause.stderr)}).`, { cause })
  })
  const names = await readdir(content)
  const expected = `nixpkgs-${revision}`
  if (names.length !== 1 || names[0] !== expected)
    throw new Error(`${url} should hold the folder ${expected}, but holds ${quoted(names.join(', '))}.`)
  const narHash = hashNar(join(content, expected))
  await rm(folder, { recursive: true })
  return narHash
}

const systems = ['x86_64-linux', 'aarch64-linux'] as const

/**
 * Adds the newest release of each of the two newest series. The default is that of the older series, whose faults
 * others have found, unless it is known to be vulnerable and the other is not.
 */
const updateNix = async (nix: Pins['nix'], tools: Tools): Promise<Pins['nix']> => {
  const newest = (await newestReleases(seriesOf(nix), tools)).slice(-2)
  const releases = new Map(Object.entries(nix.releases))
  for (const version of newest) if (!releases.has(version)) releases.set(version, await checksumsOf(version, tools))
  const inOrder = [...releases].toSorted(([a], [b]) => order(a, b))
  return {
    default: newest.find((version) => !isAffected(version)) ?? nix.default,
    releases: Object.fromEntries(inOrder),
  }
}

/** The series of the known releases, the oldest first: 34 for `2.34.7`. */
const seriesOf = ({ releases }: Pins['nix']): number[] =>
  [...new Set(Object.keys(releases).map((version) => Number(version.split('.')[1])))].sort((a, b) => a - b)

/** How many series after one another may have no release; some numbers are never released. */
const mostSkipped = 3

/** The newest release of each series, from the newest but one that is known on, the oldest first. */
const newestReleases = async (known: readonly number[], tools: Tools): Promise<string[]> => {
  const found: string[] = []
  let [last = 0] = known.slice(-1)
  for (let series = known.at(-2) ?? last - 1; series <= last + mostSkipped; series++) {
    const newest = await newestOf(series, tools)
    if (newest === undefined) continue
    found.push(newest)
    last = Math.max(last, series)
  }
  return found
}

/** The newest release of a series, as in `2.34.7` of 34, or `undefined` if it has none. */
const newestOf = async (series: number, { servers, signal }: Tools): Promise<string | undefined> => {
  const url = `${servers.releaseList}/?delimiter=/&prefix=nix/nix-2.${series}.`
  const list = await downloadText(url, { signal, sizeLimit: 1_000_000 })
  if (!list.includes('<ListBucketResult')) throw new Error(`${url} answers no list of releases, but ${quoted(list)}.`)
  // Pre-releases have another ending.
  const patches = [...list.matchAll(/<Prefix>nix\/nix-2\.(\d+)\.(\d+)\/<\/Prefix>/g)]
    .filter(([, found]) => Number(found) === series)
    .map(([, , patch]) => Number(patch))
  return patches.length > 0 ? `2.${series}.${Math.max(...patches)}` : undefined
}

const checksumsOf = async (version: string, tools: Tools): Promise<Record<string, string>> => {
  const { servers, temporary, signal } = tools
  const checksums: Record<string, string> = {}
  for (const system of systems) {
    const url = releaseUrl(version, system, servers.releases)
    const published = await downloadText(`${url}.sha256`, { signal })
    if (!/^[0-9a-f]{64}$/.test(published))
      throw new Error(`${url}.sha256 answers no SHA-256, but ${quoted(published)}.`)
    const sha256 = await downloadFile(url, join(temporary, 'nix'), { signal })
    // Published checksums have been wrong before (NixOS/nix#15593).
    if (sha256 !== published) throw new Error(`${url} has the SHA-256 ${sha256}, but ${published} is published for it.`)
    checksums[system] = sha256
  }
  return checksums
}

const order = (a: string, b: string): number => {
  const [first, second] = [a, b].map((version) => version.split('.').map(Number))
  return [0, 1, 2].map((index) => (first?.[index] ?? 0) - (second?.[index] ?? 0)).find((each) => each !== 0) ?? 0
}

const quoted = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)

const firstLine = (text: unknown): string => String(text).trim().split('\n')[0] ?? ''
