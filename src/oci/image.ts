import { type Descriptor, type Digest, type Document, jsonDocument } from './descriptor.ts'
import { imageConfigMediaType, imageManifestMediaType } from './media-type.ts'

/** One layer of an image; `holds` is told in the configuration's history. */
export type ImageLayer = { readonly descriptor: Descriptor; readonly diffID: Digest; readonly holds: string }

/** What an image is, besides its layers. `env` is `NAME=value`; `created` is RFC 3339. */
export type ImageSettings = {
  readonly architecture: 'amd64' | 'arm64'
  readonly created: string
  readonly env: readonly string[]
  readonly cmd: readonly string[] | undefined
}

export type Image = { readonly config: Document; readonly manifest: Document; readonly layers: readonly ImageLayer[] }

/**
 * The configuration and the manifest of an image. Source: OCI image specification,
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md and manifest.md
 */
export const image = (layers: readonly ImageLayer[], settings: ImageSettings): Image => {
  const config = jsonDocument(imageConfigMediaType, {
    created: settings.created,
    architecture: settings.architecture,
    os: 'linux',
    config: { Env: settings.env, ...(settings.cmd && { Cmd: settings.cmd }) },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history: layers.map(({ holds }) => ({ created: settings.created, created_by: 'nix-image-action', comment: holds })),
  })
  const manifest = jsonDocument(imageManifestMediaType, {
    schemaVersion: 2,
    mediaType: imageManifestMediaType,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  })
  return { config, manifest, layers }
}
