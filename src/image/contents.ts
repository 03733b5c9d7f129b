import type { Closure } from '../graph/closure.ts'
import type { Conflict, Package } from '../nix/image-spec.ts'
import type { StorePath } from '../nix/store-path.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'

/** A layer and its content. The descriptor has no annotations; `holds` is for people. */
export type Layer = {
  readonly descriptor: Descriptor
  /** The digest of the archive before compression. */
  readonly diffID: Digest
  readonly key: string
  readonly storePaths: readonly StorePath[]
  readonly holds: string
}

/**
 * A link in the image that leads to nothing there. `owner` is the package that brings it, `target` the missing path.
 */
export type DanglingLink = { readonly path: string; readonly owner: StorePath; readonly target: string }

/** The parts of an image configuration that apply if the inputs set nothing else. */
export type DefaultConfiguration = {
  readonly env: Readonly<Record<string, string>>
  readonly cmd: readonly string[] | undefined
}

/**
 * The contents of the image of one platform. With them, a later run makes the same image from the layers in the
 * registry, and reports the same about it.
 */
export type Contents<L extends Layer = Layer> = {
  readonly packages: readonly Package[]
  /** The outputs of packages that have nothing which can be linked. */
  readonly withoutFiles: readonly StorePath[]
  readonly conflicts: readonly Conflict[]
  readonly danglingLinks: readonly DanglingLink[]
  /** Whether it has `/bin/sh`, which runs a health check that is a line. */
  readonly hasShell: boolean
  readonly closure: Closure
  readonly defaults: DefaultConfiguration
  readonly layers: readonly L[]
}
