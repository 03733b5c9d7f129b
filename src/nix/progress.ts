import type { Log } from '../lib/log.ts'
import { shortened } from '../lib/shortened.ts'

/** The least time between two lines about the same work, in milliseconds. */
const interval = 5_000

/** How many characters of a line are logged; a package set may print lines of any length. */
export const shownOfLine = 2_000

/** How many lines of each kind are logged for one program; a package set may print any number of them. */
const shownLines = 100

/** The limit for lines that only debug logging shows. */
const debugLines = 10_000

export type Progress = {
  readonly line: (line: string) => void
  /** Logs how many lines were left out. */
  readonly end: () => void
}

/**
 * Reads what Nix writes to standard error, and logs the lines that are worth reading: what Nix is going to build and
 * fetch, each build, warnings, and the progress every few seconds. All other lines, such as one for each copied path,
 * are only in the debug log.
 */
export const reportProgress = (log: Log): Progress => {
  let toFetch = 0
  let fetched = 0
  let reported = performance.now()
  const counts = new Map<string, number>()
  const count = (kind: string): number => {
    const before = counts.get(kind) ?? 0
    counts.set(kind, before + 1)
    return before
  }
  const debug = (line: string): void => {
    if (count('') < debugLines) log.debug(line)
  }
  return {
    line: (line) => {
      const [, paths] = /^(?:this|these) (?:(\d+) )?paths? will be fetched/.exec(line) ?? []
      if (/^copying path '/.test(line)) {
        fetched++
        if (performance.now() - reported < interval) return debug(line)
        reported = performance.now()
        return log.info(`fetched ${fetched}${toFetch ? ` of ${toFetch}` : ''} paths`)
      }
      if (paths) toFetch += Number(paths)
      const kind = kindOfNews(line)
      if (kind === undefined) debug(line)
      else if (count(kind) < shownLines) log.info(shortened(line, shownOfLine).replace(/:$/, ''))
    },
    end: () => {
      for (const [kind, lines] of counts)
        if (kind !== '' && lines > shownLines)
          log.info(`… and ${lines - shownLines} more lines that start with \`${kind}\``)
      if ((counts.get('') ?? 0) > debugLines) log.debug(`… and ${(counts.get('') ?? 0) - debugLines} more lines`)
      counts.clear()
    },
  }
}

/** The start of the line, if the line is worth reading. */
const kindOfNews = (line: string): string | undefined =>
  line.includes('--add-root')
    ? undefined
    : /^(building(?= ')|warning:(?= )|trace:(?= )|(?:this|these)(?= .*will be (?:built|fetched)))/.exec(line)?.[1]
