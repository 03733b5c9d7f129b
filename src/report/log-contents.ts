import { closureSize } from '../graph/closure.ts'
import type { Contents, DanglingLink } from '../image/contents.ts'
import type { Log } from '../lib/log.ts'
import { counted, megabytes } from '../lib/units.ts'
import { packageName } from '../nix/store-path.ts'
import type { Healthcheck } from '../oci/image.ts'

/** As many as a reader may look at; the step summary has more. */
const shownConflicts = 20

/** All of them are in one sentence, which the run's page shows. */
const shownDangling = 3

/** As `shownDangling`, but a name is short. */
const shownPackages = 20

/** Logs what an image contains, and what its user may not expect of it. */
export const logContents = (contents: Contents, log: Log): void => {
  const { packages, conflicts, danglingLinks, closure, layers } = contents
  const size = layers.reduce((total, { descriptor }) => total + descriptor.size, 0)
  log.info(
    `${counted(packages.length, 'package')}, ${counted(closure.paths.size, 'store path')} of ${megabytes(closureSize(closure))}, in ${counted(layers.length, 'layer')} of ${megabytes(size)}`,
  )
  for (const { path, winner, loser } of conflicts.slice(0, shownConflicts))
    log.info(`${path} is from ${winner}; left out is ${loser}`)
  if (conflicts.length > shownConflicts) log.info(`… and ${conflicts.length - shownConflicts} more such names`)
  if (danglingLinks.length > 0) log.warning(describeDangling(danglingLinks))
  const notLinked = packagesWithoutFiles(contents)
  if (notLinked.length > 0) log.notice(describeNotLinked(notLinked))
}

/**
 * A sentence for a health check that no shell of these images can run; `undefined` if there is none. Without a shell,
 * Docker takes each container for unhealthy.
 */
export const missingShell = (
  healthcheck: Healthcheck | undefined,
  images: readonly Pick<Contents, 'hasShell'>[],
): string | undefined =>
  healthcheck?.test[0] === 'CMD-SHELL' && images.some(({ hasShell }) => !hasShell)
    ? '`healthcheck` has a line for a shell, but the image has no /bin/sh; write the program and its arguments, as in `{ "test": ["CMD", "curl", "--fail", "http://localhost:8080"] }`, or list `bash` in `packages`.'
    : undefined

/** The attribute paths of the packages that should be linked, and have nothing that can be. */
const packagesWithoutFiles = ({ packages, withoutFiles }: Contents): string[] => {
  const paths = new Set(withoutFiles)
  return packages
    .filter(({ outputs }) => outputs.length > 0 && outputs.every(({ path }) => paths.has(path)))
    .map(({ attr }) => attr)
}

const describeNotLinked = (attrs: readonly string[]): string => {
  const more = attrs.length > shownPackages ? ` and ${attrs.length - shownPackages} more` : ''
  return `Nothing is linked from the root of the image to these packages: ${attrs.slice(0, shownPackages).join(', ')}${more}. They have no folder with files in it. Run what they have by its store path, which the output \`metadata-file\` names, or list a package, or an output such as \`curl.bin\`, that has the files.`
}

const describeDangling = (links: readonly DanglingLink[]): string => {
  const shown = links
    .slice(0, shownDangling)
    .map(({ path, owner, target }) => `${path} of ${packageName(owner)} (to ${target})`)
  const more = links.length > shown.length ? ` and ${links.length - shown.length} more, see the step summary` : ''
  return `The image has links that lead to nothing in it: ${shown.join(', ')}${more}.`
}
