/**
  From a list of packages to what an image is made of.

  # Arguments

  - `srcType`, `srcArgs`, `importArgs`, `system`: the package set, see `load-pkgs.nix`.
  - `packages`: a JSON array. An item is an attribute path, or `{ "attr": … }` with one of these: `"optional": true`, it is
    left out where the set does not have it; `"linked": false`, it is in the image with its closure, but nothing of it is
    linked. Where two packages have a file of the same name, the one named first wins.
  - `loadPkgs`: the path of `load-pkgs.nix`.
  - `nativeSystem`: the Nix system that builds. Its tools pack the contents for `system`, so that no emulation is needed.

  # Result

  `{ error, pkgs }` where a name is unknown (`not_found`, with near misses) or leads to something else than a derivation
  (`not_a_package`), see `lib/resolve.nix`. Otherwise one derivation. Its output `out` is JSON:

  ```
  { runtimeGraph: [ { path, narHash, narSize, closureSize, references } ],   what exportReferencesGraph gives
    roots: [ store path ],
    symlinkLayer: { path, size, sha256 },
    conflicts: [ { path, winner, loser } ],
    unlinked: { attr: store path },   of the items with `"linked": false`
    packages: [ { attr, name, version, outPath, license, homepage, description } ], … }
  ```

  and its output `symlinkLayer` the tar archive of the links from the image's root to the packages' files.

  `tools` beside it are the paths of what it is built with, in the order bash, coreutils, gnutar.

  Nothing is built or read from outside while this is evaluated. Building it takes bash, coreutils and gnutar.
*/
{
  srcType,
  srcArgs,
  system,
  importArgs,
  packages,
  loadPkgs,
  nativeSystem ? system,
}:
let
  inherit (builtins)
    addErrorContext
    any
    concatStringsSep
    elem
    filter
    foldl'
    fromJSON
    head
    isString
    listToAttrs
    partition
    substring
    tail
    toJSON
    ;

  pkgsFor =
    system:
    import loadPkgs {
      inherit
        srcType
        srcArgs
        importArgs
        system
        ;
    };
  pkgs = pkgsFor system;
  nativePkgs = if nativeSystem == system then pkgs else pkgsFor nativeSystem;

  resolve = import ./lib/resolve.nix pkgs;
  metadata = import ./lib/metadata.nix;

  requested = map (
    item: if isString item then { attr = item; } else item
  ) (fromJSON packages);

  resolved = map (item: { inherit item; } // resolve item.attr) requested;
  unknown = filter (result: result ? reason && !(result.item.optional or false)) resolved;

  outPath =
    result: addErrorContext "while evaluating the package '${result.attr}'" result.drv.outPath;

  # Listed twice, under one spelling or two, a package would conflict with itself.
  distinct = foldl' (
    list: result: if elem (outPath result) (map outPath list) then list else list ++ [ result ]
  ) [ ];
  found = partition (result: result.item.linked or true) (filter (result: !result ? reason) resolved);
  # Where a package is listed both ways, it is linked.
  all = distinct (found.right ++ found.wrong);

  # Nix writes a set that has an `outPath` as that path alone, so that one member is put in by hand.
  toObject =
    package:
    "{\"outPath\":${toJSON package.outPath},${substring 1 (-1) (toJSON (removeAttrs package [ "outPath" ]))}";

  tool =
    name:
    "${
      nativePkgs.${name}
        or (throw "build-image: the package set has no `${name}` for ${nativeSystem}; an image is put together with bash, coreutils and gnutar")
    }";
  tools = map tool [
    "bash"
    "coreutils"
    "gnutar"
  ];
in
if unknown != [ ] then
  {
    error = if any (result: result.reason == "not_found") unknown then "not_found" else "not_a_package";
    pkgs = map (result: removeAttrs result [ "item" ]) unknown;
  }
else
  derivation {
    name = "nix-image";
    system = nativeSystem;
    builder = "${head tools}/bin/bash";
    args = [ ./lib/build-image.sh ];
    outputs = [
      "out"
      "symlinkLayer"
    ];

    __structuredAttrs = true;
    exportReferencesGraph.runtimeGraph = map outPath all;

    roots = map outPath all;
    linked = map outPath (distinct found.right);
    unlinked = listToAttrs (
      map (result: {
        name = result.attr;
        value = outPath result;
      }) found.wrong
    );
    packagesJSON = "[${
      concatStringsSep "," (map (result: toObject (metadata { inherit (result) attr drv; })) all)
    }]";
    toolPath = concatStringsSep ":" (map (path: "${path}/bin") (tail tools));

    # It differs from one list of packages to the next, and takes less time than asking a substituter.
    preferLocalBuild = true;
    allowSubstitutes = false;
  }
  // {
    inherit tools;
  }
