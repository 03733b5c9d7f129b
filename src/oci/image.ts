import { type Descriptor, type Digest, type Document, jsonDocument } from './descriptor.ts'
import { imageConfigMediaType, imageManifestMediaType } from './media-type.ts'
import { sorted } from './sorted.ts'

/** One layer of an image; `holds` is written into the configuration's history. */
export type ImageLayer = { readonly descriptor: Descriptor; readonly diffID: Digest; readonly holds: string }

/**
 * How Docker finds out whether the program of a container works. `test` is `CMD` and the words of a command, or
 * `CMD-SHELL` and a line for `/bin/sh`. Times are in nanoseconds. Source: Docker Engine API, `HealthConfig`.
 */
export type Healthcheck = {
  readonly test: readonly string[]
  readonly interval?: number
  readonly timeout?: number
  readonly startPeriod?: number
  readonly startInterval?: number
  readonly retries?: number
}

/**
 * An image configuration without its layers, and the manifest's annotations. `created` is in RFC 3339, `user` as in
 * `1000:1000`, `exposedPorts` as in `80/tcp`, `stopSignal` as in `SIGQUIT`.
 */
export type ImageConfiguration = {
  readonly architecture: 'amd64' | 'arm64'
  readonly created: string
  readonly user?: string | undefined
  readonly exposedPorts?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly entrypoint?: readonly string[] | undefined
  readonly cmd?: readonly string[] | undefined
  readonly volumes?: readonly string[]
  readonly workdir?: string | undefined
  readonly labels?: Readonly<Record<string, string>>
  readonly stopSignal?: string | undefined
  readonly healthcheck?: Healthcheck | undefined
  /** These are the manifest's; the configuration has no annotations. */
  readonly annotations?: Readonly<Record<string, string>>
}

export type Image = { readonly config: Document; readonly manifest: Document; readonly layers: readonly ImageLayer[] }

/**
 * The configuration and the manifest of an image. Lists without an order are sorted, so that the order in which they
 * were given does not change the image. Source: OCI image specification,
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md and manifest.md
 */
export const image = (layers: readonly ImageLayer[], settings: ImageConfiguration): Image => {
  const config = jsonDocument(imageConfigMediaType, {
    created: settings.created,
    architecture: settings.architecture,
    os: 'linux',
    config: {
      User: settings.user,
      ExposedPorts: keys(settings.exposedPorts),
      Env: Object.entries(sorted(settings.env) ?? {}).map(([name, value]) => `${name}=${value}`),
      Entrypoint: settings.entrypoint,
      Cmd: settings.cmd,
      Volumes: keys(settings.volumes),
      WorkingDir: settings.workdir,
      Labels: sorted(settings.labels),
      StopSignal: settings.stopSignal,
      Healthcheck: settings.healthcheck && dockerHealthcheck(settings.healthcheck),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history: layers.map(({ holds }) => ({ created: settings.created, created_by: 'nix-image-action', comment: holds })),
  })
  const manifest = jsonDocument(imageManifestMediaType, {
    schemaVersion: 2,
    mediaType: imageManifestMediaType,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: sorted(settings.annotations),
  })
  return { config, manifest, layers }
}

/** The specification leaves this member to Docker, whose names it has. */
const dockerHealthcheck = ({ test, interval, timeout, startPeriod, startInterval, retries }: Healthcheck): object => ({
  Test: test,
  Interval: interval,
  Timeout: timeout,
  StartPeriod: startPeriod,
  StartInterval: startInterval,
  Retries: retries,
})

/** A set as the configuration writes it, an object with empty values. */
const keys = (names: readonly string[] = []): Record<string, object> | undefined =>
  sorted(Object.fromEntries(names.map((name) => [name, {}])))
