import { UserError } from '../lib/error.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import type { Platform } from '../oci/platform.ts'
import { loaderPackages } from './job-container.ts'

/**
 * The loader of programs that were not built for Nix: a link to nix-ld in the image, and the variables by which it
 * finds the real loader and the libraries. It hides them from the program's children. Some start theirs with few
 * variables or none; for those, links are where nix-ld looks then.
 */
export type Loader = {
  /** By their names, without a slash at either end, with their targets. */
  readonly links: Readonly<Record<string, string>>
  readonly env: Readonly<Record<'NIX_LD' | 'NIX_LD_LIBRARY_PATH', string>>
}

/** Where programs have their loader by the ABI; in glibc, the file is in `lib` for all. */
const places: Readonly<Record<Platform, { readonly folder: string; readonly file: string }>> = {
  'linux/amd64': { folder: 'lib64', file: 'ld-linux-x86-64.so.2' },
  'linux/arm64': { folder: 'lib', file: 'ld-linux-aarch64.so.1' },
}

/** Source: nix-ld 2, `src/nix_rtld.rs`. */
const fallback = 'run/current-system/sw/share/nix-ld/lib'

/** What programs outside of Nix may ask for; in those folders is much that is not meant for them. */
const glibcFiles = [
  'libc.so.6',
  'libdl.so.2',
  'libm.so.6',
  'libpthread.so.0',
  'libresolv.so.2',
  'librt.so.1',
  'libutil.so.1',
]
const compilerFiles = ['libgcc_s.so.1', 'libstdc++.so.6']

/** Throws a `UserError` if nix-ld is so old that it does not hide the libraries from a program's children. */
export const loaderOf = (
  { unlinked, packages }: Pick<ImageSpec, 'unlinked' | 'packages'>,
  platform: Platform,
): Loader => {
  const pathOf = (attr: string): string => {
    const path = unlinked[attr]
    if (!path) throw new Error(`The image specification has no path of ${attr}`)
    return path
  }
  const nixLd = pathOf(loaderPackages.nixLd)
  const version = packages.find(({ outPath }) => outPath === nixLd)?.version ?? ''
  if (/^[01]\./.test(version))
    throw new UserError(
      `\`preset: job-container\` needs nix-ld 2 or newer, but the package set has ${version}; name a newer nixpkgs, or write \`preset: default\`.`,
    )
  const { folder, file } = places[platform]
  const glibc = `${pathOf(loaderPackages.glibc)}/lib`
  const compilerLibraries = `${pathOf(loaderPackages.compilerLibraries)}/lib`
  return {
    links: {
      [`${folder}/${file}`]: `${nixLd}/libexec/nix-ld`,
      [`${fallback}/ld.so`]: `${glibc}/${file}`,
      ...Object.fromEntries(glibcFiles.map((name) => [`${fallback}/${name}`, `${glibc}/${name}`])),
      ...Object.fromEntries(compilerFiles.map((name) => [`${fallback}/${name}`, `${compilerLibraries}/${name}`])),
    },
    env: { NIX_LD: `${glibc}/${file}`, NIX_LD_LIBRARY_PATH: `${glibc}:${compilerLibraries}` },
  }
}
