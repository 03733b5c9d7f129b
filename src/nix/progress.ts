import type { Log } from '../lib/log.ts'
import { shortened } from '../lib/shortened.ts'

/** Between two lines about the same work, in milliseconds. */
const interval = 5_000

/** What is shown of a line, in characters; one of a package set's may be of any length. */
export const shownOfLine = 2_000

/** So many lines of a kind are shown of one program; a package set may print as many as it likes. */
const shownLines = 100

/** In a run with debug logging. */
const debugLines = 10_000

export type Progress = {
  readonly line: (line: string) => void
  /** Tells how much was not shown. */
  readonly end: () => void
}

/**
 * Follows what Nix says on standard error, and tells what is worth reading: what is going to be built and fetched, each
 * build, warnings, and now and then how far it has come. A line for each path that is copied is only for those who
 * debug.
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

/** How the line starts, if it is worth reading. */
const kindOfNews = (line: string): string | undefined =>
  line.includes('--add-root')
    ? undefined
    : /^(building(?= ')|warning:(?= )|trace:(?= )|(?:this|these)(?= .*will be (?:built|fetched)))/.exec(line)?.[1]
