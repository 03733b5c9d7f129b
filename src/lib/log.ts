import * as core from '@actions/core'
import { shortened } from './shortened.ts'

/** The log of a run. */
export type Log = {
  readonly info: (message: string) => void
  /** Shown on the run's page, for information that is worth knowing and is no fault. */
  readonly notice: (message: string) => void
  /** Shown on the run's page, if the result is probably not what the user wants. */
  readonly warning: (message: string) => void
  /** Shown only in a run with debug logging. */
  readonly debug: (message: string) => void
  /** Puts the log of `work` into a part that can be folded. Returns or throws what `work` does. */
  readonly group: <T>(title: string, work: () => Promise<T>) => Promise<T>
}

/** How many characters of a message are logged. */
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
 * Changes a line so that the runner only prints it. The log also has names of files, output of builders and traces of a
 * package set, and the runner reads `::` at the start of a line and `##[` anywhere in it as a command.
 */
export const harmless = (line: string): string =>
  withoutOldCommands(line.replaceAll(/[^\P{Cc}\t]+/gu, ' ')).replace(/^(\s*):(?=:)/, '$1: ')

/** The text of an annotation on the run's page. It is shortened, since the runner cuts off longer ones. */
export const annotation = (text: string): string =>
  shortened(withoutOldCommands(text.replaceAll(/[^\P{Cc}\t\n]+/gu, ' ')), 4_000)

const withoutOldCommands = (text: string): string => text.replaceAll('##[', '## [')
