/**
 * The packages that `preset: job-container` adds, so that GitHub's runner can use an image as the `container:` of a
 * job. The runner starts `tail`, then `sh`, `cat` and `grep`, and then its own Node, which was not built for Nix: see
 * `loader.ts`. `actions/checkout` needs git, and `actions/cache` needs tar and zstd. Source: actions/runner 2.336,
 * `ContainerOperationProvider.cs` and `StepHost.cs`.
 */

/** The packages, each with other names under which a user may have listed the same programs. */
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

/**
 * The packages of the loader. They are in the store of the image, but the symlink layer has no links to their files.
 */
export const loaderPackages = { nixLd: 'nix-ld', glibc: 'glibc', compilerLibraries: 'stdenv.cc.cc.lib' } as const

/** A package of the preset, as a `RequestedPackage`. */
type PresetPackage = { readonly attr: string; readonly optional?: true; readonly linked?: false }

/** The packages that are added after the listed ones. Listed packages win. */
export const jobContainerPackages = (listed: readonly string[]): PresetPackage[] => [
  ...programs.filter((names) => !names.some((name) => listed.includes(name))).map(([attr]) => ({ attr })),
  { attr: 'iana-etc', optional: true },
  ...Object.values(loaderPackages).map((attr) => ({ attr, linked: false }) as const),
]
