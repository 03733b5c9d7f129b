/** Messages of Nix, each with advice. The first row that matches is used. */
export const advice: readonly (readonly [RegExp, string])[] = [
  [/hash mismatch in fixed-output/, 'what the package set fetches has changed; update its hash there'],
  [/hash mismatch/i, 'check the hash in `nixpkgs`'],
  [/HTTP error 40[134]/, 'check that `nixpkgs` names something that is there and may be read'],
  [
    /is required to build|[Rr]equired system/,
    'build on a runner of that architecture, or name a substituter that has it in `nix-config`',
  ],
  [
    /unable to download|Could not resolve|Connection refused|timed out/i,
    'check the host in `nixpkgs`, or in `substituters` of `nix-config`, or run the job again',
  ],
  [
    /'build-users-group' does not exist/,
    'write `build-users-group =` into `nix-config`, so that root builds by itself, or make that group and its users before this step',
  ],
  [/configuration line|unknown setting|has invalid value|in configuration/, 'check `nix-config`'],
  [
    /attribute 'currentSystem' missing/,
    'the package set is called with `system`; let it use that in place of `builtins.currentSystem`',
  ],
  [
    /is forbidden in (pure|restricted)|in pure evaluation mode|cannot look up|attribute 'currentTime' missing/i,
    'evaluation is pure: the package set may read nothing but its own files',
  ],
  [
    /version of Nixpkgs requires/,
    'write `install-nix: always` for the Nix of this action, or `nix-version` for a newer one, or name an older `nixpkgs`',
  ],
  [
    /has a flake\.nix and no default\.nix/,
    'write into `nixpkgs` the one that its flake.lock has, or add a default.nix that takes `{ system, ... }` and returns a set of packages',
  ],
  [
    /called with unexpected argument '(?:system|config|overlays)'/,
    'let the default.nix of the package set take `{ system, config, overlays, ... }`',
  ],
  [/import-from-derivation/i, 'evaluation builds nothing; generate the Nix file and commit it'],
  [/MB of output/, 'check what the package set has under these names; it is more than names'],
]

export const adviceFor = (message: string): string | undefined => advice.find(([pattern]) => pattern.test(message))?.[1]
