import { rm } from 'node:fs/promises'
import { UserError } from '../lib/error.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import { formatRepository } from '../oci/reference.ts'
import { isRefusal } from '../registry/error.ts'
import { type LayerFile, pushLayer } from '../registry/push.ts'
import type { RepositoryClient } from '../registry/repository.ts'

/** The registry has lost a layer that only an earlier run has packed, so this run cannot send it. */
class LostLayerError extends UserError {}

/**
 * Whether a push may have failed because this run did not pack all layers. Registries report a missing blob in many
 * ways.
 */
export const isLost = (error: unknown): boolean => error instanceof LostLayerError || isRefusal(error)

export const lostLayer = ({ repository }: RepositoryClient, { digest }: Descriptor): UserError =>
  new LostLayerError(
    `${formatRepository(repository)} has lost ${digest}, which an earlier run pushed; run the job again.`,
  )

/** How to pack layers once more, and what is done for one that the registry has lost. */
export type LostLayers = {
  /** Keeps how the file of a layer is packed again. */
  readonly keep: (layer: Digest, pack: () => Promise<LayerFile>) => void
  /** Packs a layer once more and sends it. Throws an error for which `isLost` is true if this run cannot pack it. */
  readonly resend: (layer: Descriptor) => Promise<void>
}

export const lostLayers = (client: RepositoryClient): LostLayers => {
  const packs = new Map<Digest, (() => Promise<LayerFile>)[]>()
  return {
    keep: (layer, pack) => {
      packs.set(layer, [...(packs.get(layer) ?? []), pack])
    },
    resend: async (layer) => {
      for (const pack of packs.get(layer.digest) ?? []) {
        const packed = await pack()
        // If a claim named the layer, packing it may give another one.
        const isSame = packed.descriptor.digest === layer.digest
        if (isSame) await pushLayer(client, packed)
        await rm(packed.file)
        if (isSame) return
      }
      throw lostLayer(client, layer)
    },
  }
}
