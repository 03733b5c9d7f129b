import type { Descriptor, Digest, Document } from './descriptor.ts'
import type { Image } from './image.ts'
import { imageIndexMediaType } from './media-type.ts'
import { formatRepository, type Repository } from './reference.ts'

/** The names of an image: `repository:tag` for each of the tags. */
type ImageNames = { readonly repository: Repository; readonly tags: readonly string[] }

/** The path of a blob in an image layout. Source: OCI image specification, "Blobs". */
export const blobPath = (digest: Digest): string => `blobs/${digest.replace(':', '/')}`

/**
 * The file `oci-layout`, which marks a folder as an image layout. Source: OCI image specification,
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export const layoutFile: string = JSON.stringify({ imageLayoutVersion: '1.0.0' })

/** An image in a layout. `top` is what the names point at: the manifest of the only image, or the index of several. */
export type LayoutContent = {
  readonly images: readonly Image[]
  readonly top: Document
  /** The one of the images that Docker loads. */
  readonly forDocker: Image
  readonly names: ImageNames
}

/** Paths in a layout, and what is there. */
type LayoutFiles = readonly (readonly [path: string, bytes: Uint8Array])[]

/**
 * The files of a layout but layers and `oci-layout`. Each comes after those that it names, so that nothing ever names
 * what is not there if they are written in this order.
 */
export const layoutFiles = ({ images, top, forDocker, names }: LayoutContent): LayoutFiles => {
  const documents = [...images.flatMap(({ config, manifest }) => [config, manifest]), top]
  const blobs = new Map(documents.map(({ descriptor, bytes }) => [blobPath(descriptor.digest), bytes]))
  return [
    ...blobs,
    ['manifest.json', Buffer.from(dockerManifest(forDocker, names))],
    ['index.json', Buffer.from(layoutIndex(top.descriptor, names))],
  ]
}

/**
 * The file `index.json` of an image layout. Each tag is an entry of its own with the same digest, under its tag, which
 * skopeo and umoci take as the image's name, and under its whole name, which is what containerd takes. Source of the
 * other annotation: https://github.com/containerd/containerd/blob/v2.0.0/core/images/annotations.go
 */
const layoutIndex = (manifest: Descriptor, names: ImageNames): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: imageIndexMediaType,
    manifests: names.tags.map((tag) => ({
      ...manifest,
      annotations: {
        'io.containerd.image.name': imageName(names.repository, tag),
        'org.opencontainers.image.ref.name': tag,
      },
    })),
  })

/**
 * The file `manifest.json`, by which Docker loads an image where it does not use containerd's image store. It has room
 * for one platform. `docker save` writes it into a layout, too. Source: Docker Engine API, "Export an image".
 */
const dockerManifest = ({ config, layers }: Image, { repository, tags }: ImageNames): string =>
  JSON.stringify([
    {
      Config: blobPath(config.descriptor.digest),
      RepoTags: tags.map((tag) => imageName(repository, tag)),
      Layers: layers.map(({ descriptor }) => blobPath(descriptor.digest)),
    },
  ])

/** A name as containerd and Docker store it: `library/` stands before a name on Docker Hub without a slash. */
const imageName = (repository: Repository, tag: string): string => {
  const { registry, name } = repository
  const inLibrary = registry === 'docker.io' && !name.includes('/')
  return `${formatRepository(inLibrary ? { registry, name: `library/${name}` } : repository)}:${tag}`
}
