import type { Log } from '../log.ts'

/** Between two lines about the same work, in milliseconds. */
const interval = 5_000

/**
 * Follows what Nix says on standard error, and tells what is worth reading: what is going to be built and fetched, each
 * build, warnings, and now and then how far it has come. A line for each path that is copied is only for those who debug.
 */
export const reportProgress = (log: Log): ((line: string) => void) => {
  let toFetch = 0
  let fetched = 0
  let reported = performance.now()
  return (line) => {
    const [, paths] = /^(?:this|these) (?:(\d+) )?paths? will be fetched/.exec(line) ?? []
    if (/^copying path '/.test(line)) {
      fetched++
      if (performance.now() - reported < interval) return log.debug(line)
      reported = performance.now()
      return log.info(`fetched ${fetched}${toFetch ? ` of ${toFetch}` : ''} paths`)
    }
    if (paths) toFetch += Number(paths)
    if (isNews(line)) log.info(line.replace(/:$/, ''))
    else log.debug(line)
  }
}

const isNews = (line: string): boolean =>
  /^(building '|warning: |trace: |(this|these) .*will be (built|fetched))/.test(line) && !line.includes('--add-root')
