import { type Image, image } from '../oci/image.ts'
import { annotated } from '../oci/layer-annotations.ts'
import { architectureOf, type Platform } from '../oci/platform.ts'
import type { DatedConfiguration, User } from './configuration.ts'
import type { Contents } from './contents.ts'

/**
 * The image of the contents. The inputs configure it; if they leave something out, the defaults of the contents apply.
 */
export const assemble = (
  { layers, defaults }: Pick<Contents, 'layers' | 'defaults'>,
  configuration: DatedConfiguration,
  platform: Platform,
): Image => {
  const { entrypoint, cmd, user, expose, annotations, ...rest } = configuration
  // As in a Dockerfile, a given entrypoint does not get the default command as its arguments.
  const command = cmd ?? (entrypoint ? undefined : defaults.cmd)
  return image(
    layers.map((layer) => ({ descriptor: annotated(layer), diffID: layer.diffID, holds: layer.holds })),
    {
      ...rest,
      architecture: architectureOf(platform),
      user: user && formatUser(user),
      exposedPorts: expose,
      env: { ...defaults.env, ...rest.env },
      entrypoint: orNothing(entrypoint),
      cmd: orNothing(command),
      annotations: annotations.manifest,
    },
  )
}

const formatUser = (user: User): string => {
  if ('name' in user) return user.name
  return user.gid === undefined ? `${user.uid}` : `${user.uid}:${user.gid}`
}

/** An empty list in the inputs means that there is no value; a configuration then leaves the member out. */
const orNothing = (words: readonly string[] | undefined): readonly string[] | undefined =>
  words && words.length > 0 ? words : undefined
