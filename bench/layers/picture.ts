import { stableLayers } from '../../src/layers/stable-layers.ts'
import { type StorePath, storePathName } from '../../src/nix/store-path.ts'
import type { Packages } from './debian.ts'
import { imageClosure } from './image.ts'

const mostNames = 6

/**
 * Draws the layers of a small image after a change to one source package, a line for each in the image's order: whether
 * the image before had the layer, its size in MB, and its packages. New packages have a star and come first; then the
 * largest ones come first.
 */
export const picture = (listed: readonly string[], changed: string, layers: number, packages: Packages): string[] => {
  const [before, after] = [new Map(), new Map([[changed, 1]])].map((changes) =>
    imageClosure({ listed, changes }, packages),
  )
  if (!before || !after) return []
  const had = new Set(stableLayers(before, layers).map((layer) => layer.join()))
  const sizeOf = (path: StorePath): number => after.paths.get(path)?.narSize ?? 0
  return stableLayers(after, layers).map((layer) => {
    const names = layer
      .toSorted((a, b) => sizeOf(b) - sizeOf(a))
      .map((path) => `${before.paths.has(path) ? '' : '*'}${storePathName(path).replace(/-[0-9].*/, '')}`)
      .sort((a, b) => Number(b.startsWith('*')) - Number(a.startsWith('*')))
    const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
    const size = layer.reduce((total, path) => total + sizeOf(path), 0) / 1e6
    return `${had.has(layer.join()) ? 'kept  ' : 'pulled'} ${size.toFixed(1).padStart(6)} MB  ${names.slice(0, mostNames).join(' ')}${more}`
  })
}
