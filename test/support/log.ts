import type { Log } from '../../src/lib/log.ts'

/** A log that discards everything. */
export const silentLog: Log = {
  info: () => {},
  notice: () => {},
  warning: () => {},
  debug: () => {},
  group: (_, work) => work(),
}
