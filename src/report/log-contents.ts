import { closureSize } from '../graph/closure.ts'
import type { Contents, DanglingLink } from '../image/contents.ts'
import type { Log } from '../lib/log.ts'
import { counted, megabytes } from '../lib/units.ts'
import { packageName } from '../nix/store-path.ts'

/** As many as a reader may look at; the step summary has more. */
const shownConflicts = 20

/** All of them are in one sentence, which the run's page shows. */
const shownDangling = 3

/** Logs what an image contains, and what its user may not expect of it. */
export const logContents = ({ packages, conflicts, danglingLinks, closure, layers }: Contents, log: Log): void => {
  const size = layers.reduce((total, { descriptor }) => total + descriptor.size, 0)
  log.info(
    `${counted(packages.length, 'package')}, ${counted(closure.paths.size, 'store path')} of ${megabytes(closureSize(closure))}, in ${counted(layers.length, 'layer')} of ${megabytes(size)}`,
  )
  for (const { path, winner, loser } of conflicts.slice(0, shownConflicts))
    log.info(`${path} is from ${winner}; left out is ${loser}`)
  if (conflicts.length > shownConflicts) log.info(`… and ${conflicts.length - shownConflicts} more such names`)
  if (danglingLinks.length > 0) log.warning(describeDangling(danglingLinks))
}

const describeDangling = (links: readonly DanglingLink[]): string => {
  const shown = links
    .slice(0, shownDangling)
    .map(({ path, owner, target }) => `${path} of ${packageName(owner)} (to ${target})`)
  const more = links.length > shown.length ? ` and ${links.length - shown.length} more, see the step summary` : ''
  return `The image has links that lead to nothing in it: ${shown.join(', ')}${more}.`
}
