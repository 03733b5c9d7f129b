/** A platform as `os/architecture`. Source: OCI image specification, "Image Index Property Descriptions". */
export type Platform = 'linux/amd64' | 'linux/arm64'

export const platforms: readonly Platform[] = ['linux/amd64', 'linux/arm64']

export const isPlatform = (text: string): text is Platform => (platforms as readonly string[]).includes(text)

export const architectureOf = (platform: Platform): 'amd64' | 'arm64' =>
  platform === 'linux/amd64' ? 'amd64' : 'arm64'

/** Nix's name of the platform. */
export const nixSystem = (platform: Platform): string => (platform === 'linux/amd64' ? 'x86_64-linux' : 'aarch64-linux')

/** The platform of a runner by its `RUNNER_OS` and `RUNNER_ARCH`; `undefined` if images cannot be built there. */
export const platformOfRunner = (os: string | undefined, architecture: string | undefined): Platform | undefined => {
  if (os !== 'Linux') return undefined
  if (architecture === 'X64') return 'linux/amd64'
  return architecture === 'ARM64' ? 'linux/arm64' : undefined
}
