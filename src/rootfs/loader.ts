import { UserError } from '../lib/error.ts'
import type { ImageSpec } from '../nix/image-spec.ts'
import type { Platform } from '../oci/platform.ts'
import { loaderPackages } from './job-container.ts'

/**
 * The loader of programs that were not built for Nix: a link to nix-ld in the image, and the variables by which nix-ld
 * finds the real loader and the libraries. nix-ld hides the libraries from the program's children. Some programs start
 * their children with few variables or none; for these children, links to the same files are in the folder where nix-ld
 * looks without variables.
 */
export type Loader = {
  /** The targets of the links, by the links' names without a slash at either end. */
  readonly links: Readonly<Record<string, string>>
  readonly env: Readonly<Record<'NIX_LD' | 'NIX_LD_LIBRARY_PATH', string>>
}

/** The place of a program's loader by the ABI. In glibc, the file is in `lib` on every platform. */
const places: Readonly<Record<Platform, { readonly folder: string; readonly file: string }>> = {
  'linux/amd64': { folder: 'lib64', file: 'ld-linux-x86-64.so.2' },
  'linux/arm64': { folder: 'lib', file: 'ld-linux-aarch64.so.1' },
}

/** The folder where nix-ld looks without variables. Source: nix-ld 2, `src/nix_rtld.rs`. */
const fallback = 'run/current-system/sw/share/nix-ld/lib'

/**
 * The libraries that programs outside of Nix may ask for. Their folders also hold many files that are not meant for
 * such programs.
 */
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

/**
 * Finds the loader's files in the packages of the preset. Throws a `UserError` if nix-ld is older than version 2, since
 * it then does not hide the libraries from a program's children.
 */
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
