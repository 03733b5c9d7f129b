/**
 * What `preset: job-container` adds, so that GitHub's runner can use an image as the `container:` of a job. The runner
 * starts `tail`, then `sh`, `cat` and `grep`, and then its own Node, which was not built for Nix: see `loader.ts`. Its
 * checkout needs git, and its cache tar and zstd. Source: actions/runner 2.336, `ContainerOperationProvider.cs` and
 * `StepHost.cs`.
 */

/** The packages, each with other names under which somebody may have listed the same programs. */
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

/** The parts of the loader. They are in the store of the image, and nothing of them is linked. */
export const loaderPackages = { nixLd: 'nix-ld', glibc: 'glibc', compilerLibraries: 'stdenv.cc.cc.lib' } as const

/** A package of the preset, as a `RequestedPackage`. */
type PresetPackage = { readonly attr: string; readonly optional?: true; readonly linked?: false }

/** What is added behind the packages that are listed, which win. */
export const jobContainerPackages = (listed: readonly string[]): PresetPackage[] => [
  ...programs.filter((names) => !names.some((name) => listed.includes(name))).map(([attr]) => ({ attr })),
  { attr: 'iana-etc', optional: true },
  ...Object.values(loaderPackages).map((attr) => ({ attr, linked: false }) as const),
]
