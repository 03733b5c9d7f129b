import { UserError } from './error.ts'
import type { ImageSpec } from './nix/image-spec.ts'
import type { Platform } from './oci/platform.ts'

/**
 * What `preset: job-container` adds, so that GitHub's runner can use an image as the `container:` of a job. It starts `tail`,
 * then `sh`, `cat` and `grep`, and then its own Node, which was not built for Nix: its loader must be where the Linux
 * ABI has it, and find libstdc++ and libgcc_s. Source: actions/runner 2.336, `ContainerOperationProvider.cs`,
 * `StepHost.cs`.
 */

/** The packages with a name for each, and other names under which somebody may have listed the same programs. */
const programs: readonly (readonly [string, ...string[]])[] = [
  ['bash', 'bashInteractive'],
  ['coreutils', 'coreutils-full'],
  ['gnugrep'],
  ['gnutar'],
  ['gzip'],
  ['zstd'],
  ['git', 'gitMinimal', 'gitFull'],
  ['cacert'],
]

/** The parts of the loader, which are found by their store paths. */
const [nixLd, glibc, compilerLibraries] = ['nix-ld', 'glibc', 'stdenv.cc.cc.lib'] as const

/** What is added to the packages that are listed; those win. */
export const jobContainerPackages = (
  listed: readonly string[],
): { readonly attr: string; readonly optional?: true; readonly linked?: false }[] => [
  ...programs.filter((names) => !names.some((name) => listed.includes(name))).map(([attr]) => ({ attr })),
  { attr: 'iana-etc', optional: true },
  ...[nixLd, glibc, compilerLibraries].map((attr) => ({ attr, linked: false }) as const),
]

/** Where programs that were not built for Nix have their loader, which is in `lib` of glibc under the same file name. */
const loaders: Readonly<Record<Platform, { readonly folder: string; readonly file: string }>> = {
  'linux/amd64': { folder: 'lib64', file: 'ld-linux-x86-64.so.2' },
  'linux/arm64': { folder: 'lib', file: 'ld-linux-aarch64.so.1' },
}

/** A link in the image, and the variables by which nix-ld finds the real loader and libraries for the program. */
export type Loader = {
  readonly name: string
  readonly target: string
  readonly env: { readonly NIX_LD: string; readonly NIX_LD_LIBRARY_PATH: string }
}

/** Throws a `UserError` if nix-ld is so old that a program's children would get its libraries too. */
export const loaderOf = ({ unlinked, packages }: ImageSpec, platform: Platform): Loader => {
  const pathOf = (attr: string): string => {
    const path = unlinked[attr]
    if (!path) throw new Error(`The image specification has no path of ${attr}`)
    return path
  }
  const version = packages.find(({ outPath }) => outPath === pathOf(nixLd))?.version ?? ''
  if (/^[01]\./.test(version))
    throw new UserError(
      `\`preset: job-container\` needs nix-ld 2 or newer, but the package set has ${version}; name a newer nixpkgs, or write \`preset: default\`.`,
    )
  const { folder, file } = loaders[platform]
  return {
    name: `${folder}/${file}`,
    target: `${pathOf(nixLd)}/libexec/nix-ld`,
    env: {
      NIX_LD: `${pathOf(glibc)}/lib/${file}`,
      NIX_LD_LIBRARY_PATH: [glibc, compilerLibraries].map((attr) => `${pathOf(attr)}/lib`).join(':'),
    },
  }
}
