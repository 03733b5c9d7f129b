import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { need, output } from './process.ts'

/** The image's configuration. Source: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md */
export type ImageConfig = {
  readonly architecture: string
  readonly os: string
  readonly config?: {
    readonly User?: string
    readonly Env?: readonly string[]
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly WorkingDir?: string
    readonly Labels?: Readonly<Record<string, string>>
    readonly ExposedPorts?: Readonly<Record<string, unknown>>
    readonly Volumes?: Readonly<Record<string, unknown>>
  }
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] }
  readonly history?: readonly Readonly<Record<string, unknown>>[]
}

export type FetchOptions = {
  readonly credentials?: { readonly username: string; readonly password: string }
  /** Selects an image of an index by its OCI architecture (`arm64`); the default is this machine's. */
  readonly architecture?: string
}

/** `image` is the image's name for umoci: `/folder:tag`. */
export type FetchedImage = { readonly image: string; readonly config: ImageConfig }

type Descriptor = {
  readonly mediaType: string
  readonly digest: string
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Copies an image into an OCI layout in `folder`: `docker://127.0.0.1:PORT/repository:tag`, `oci:/folder:tag`, or
 * `oci:/folder` if all tags of that layout name the same image. Layers in zstd become gzip there, since umoci 0.4 reads
 * nothing else. Throws an `Error` if the image cannot be fetched.
 */
export const fetchImage = async (
  source: string,
  folder: string,
  { credentials, architecture }: FetchOptions = {},
): Promise<FetchedImage> => {
  const skopeo = need('skopeo', 'skopeo')
  const layout = join(folder, 'layout')
  await output(skopeo, [
    '--insecure-policy',
    ...(architecture ? ['--override-arch', architecture] : []),
    'copy',
    '--src-tls-verify=false',
    ...(credentials ? ['--src-creds', `${credentials.username}:${credentials.password}`] : ['--src-no-creds']),
    await withTag(source),
    `oci:${layout}:image`,
  ])
  const [descriptor] = await manifests(layout)
  if (!descriptor) throw new Error(`${source} has no image`)
  const manifest = await blob<{ config: Descriptor; layers: Descriptor[] }>(layout, descriptor)
  const config = await blob<ImageConfig>(layout, manifest.config)
  if (!manifest.layers.some(({ mediaType }) => mediaType.endsWith('+zstd'))) return { image: `${layout}:image`, config }
  const readable = join(folder, 'gzip')
  const format = ['--dest-compress', '--dest-compress-format', 'gzip', '--dest-compress-level', '1']
  await output(skopeo, ['--insecure-policy', 'copy', ...format, `oci:${layout}:image`, `oci:${readable}:image`])
  return { image: `${readable}:image`, config }
}

/** skopeo refuses a layout with several tags if no tag is named. */
const withTag = async (source: string): Promise<string> => {
  const [, layout] = /^oci:([^:]+)$/.exec(source) ?? []
  if (!layout) return source
  const [first, ...others] = await manifests(layout)
  if (others.some(({ digest }) => digest !== first?.digest))
    throw new Error(`${source} holds several images: name a tag`)
  const tag = first?.annotations?.['org.opencontainers.image.ref.name']
  return tag ? `${source}:${tag}` : source
}

const manifests = async (layout: string): Promise<Descriptor[]> => {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: Descriptor[] }
  return index.manifests
}

const blob = async <T>(layout: string, { digest }: Descriptor): Promise<T> =>
  JSON.parse(await readFile(join(layout, 'blobs', ...digest.split(':')), 'utf8')) as T
