import type { Healthcheck } from '../oci/image.ts'

/** The user that a container's programs run as. A name is looked up in the image's own `/etc/passwd`. */
export type User = { readonly name: string } | { readonly uid: number; readonly gid: number | undefined }

/** The annotations of an image's manifest, and of its index if there is one, by key. */
export type Annotations = {
  readonly manifest: Readonly<Record<string, string>>
  readonly index: Readonly<Record<string, string>>
}

/** The image configuration that the inputs ask for, with the annotations. Source: OCI image specification, "config". */
export type RequestedConfiguration = {
  readonly entrypoint: readonly string[] | undefined
  readonly cmd: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
  readonly user: User | undefined
  readonly workdir: string | undefined
  /** `port/protocol`. */
  readonly expose: readonly string[]
  readonly volumes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** As in `SIGQUIT`. */
  readonly stopSignal: string | undefined
  readonly healthcheck: Healthcheck | undefined
  readonly annotations: Annotations
}

/** The same with the image's creation time, in RFC 3339. */
export type DatedConfiguration = RequestedConfiguration & { readonly created: string }
