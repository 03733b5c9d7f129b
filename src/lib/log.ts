import * as core from '@actions/core'
import { shortened } from './shortened.ts'

/** Where a run says what it does. */
export type Log = {
  readonly info: (message: string) => void
  /** Shown on the run's page; something worth knowing that is no fault. */
  readonly notice: (message: string) => void
  /** Shown on the run's page; the result is likely not what somebody wants. */
  readonly warning: (message: string) => void
  /** Only in a run with debug logging. */
  readonly debug: (message: string) => void
  /** A part of the log that can be folded; passes on what `work` returns or throws. */
  readonly group: <T>(title: string, work: () => Promise<T>) => Promise<T>
}

/** In characters. */
const shownOfMessage = 100_000

/** The log of a GitHub Actions step; `hide` takes secrets out of a text. */
export const actionsLog = (hide: (text: string) => string): Log => ({
  info: (message) => core.info(harmless(shortened(hide(message), shownOfMessage))),
  notice: (message) => core.notice(annotation(hide(message))),
  warning: (message) => core.warning(annotation(hide(message))),
  debug: (message) => core.debug(withoutOldCommands(shortened(hide(message), shownOfMessage))),
  group: (title, work) => core.group(hide(title), work),
})

/**
 * A line that the runner only prints. File names, what builders say and what a package set traces is in the log too,
 * and the runner takes `::` at the start of a line and `##[` anywhere in it for a command.
 */
export const harmless = (line: string): string =>
  withoutOldCommands(line.replaceAll(/[^\P{Cc}\t]+/gu, ' ')).replace(/^(\s*):(?=:)/, '$1: ')

/** What is shown on the run's page; the runner cuts off more than that. */
export const annotation = (text: string): string =>
  shortened(withoutOldCommands(text.replaceAll(/[^\P{Cc}\t\n]+/gu, ' ')), 4_000)

const withoutOldCommands = (text: string): string => text.replaceAll('##[', '## [')
