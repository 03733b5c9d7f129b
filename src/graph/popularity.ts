import { packageName, type StorePath, storePathName } from '../nix/store-path.ts'

/** How many packages of a package set need one of this name, by name with or without its version. */
export type PopularityData = ReadonlyMap<string, number>

/** A path's popularity; 1 where the data does not know it. */
export const popularityOf = (path: StorePath, data: PopularityData): number =>
  data.get(storePathName(path)) ?? data.get(packageName(path)) ?? 1
