/**
  From a list of packages to what an image is made of.

  # Arguments

  - `srcType`, `srcArgs`, `importArgs`, `system`: the package set, see `load-pkgs.nix`.
  - `packages`: a JSON array of names. A name is an attribute path, or that of a function with modules in parentheses, as
    in `python3.withPackages(requests, numpy)`. For a name, there may be `{ "attr": … }` with one of these:
    `"optional": true`, it is left out where the set does not have it; `"linked": false`, it is in the image with its
    closure, but nothing of it is linked. Where two packages have a file of the same name, the one named first wins.
  - `loadPkgs`: the path of `load-pkgs.nix`.
  - `hints`: the JSON text of what is known of some names, see `lib/suggest.nix`.
  - `nativeSystem`: the Nix system that builds. Its tools pack the contents for `system`, so that no emulation is needed.
  - `unreadable`: a JSON array of `{ attr, field }`, what is not read of a package, and `marker`, a text that the package
    set does not know; see `lib/read-field.nix` and `lib/call.nix`.

  # Result

  `{ error, pkgs, failing }` where a name is unknown (`not_found`, with near misses), leads to something else than a
  derivation (`not_a_package`), or has modules in parentheses and leads to no function for them (`no_function`), see
  `lib/suggest.nix`; `failing` are the names of the others that throw. Otherwise one derivation. Its output `out` is JSON:

  ```
  { runtimeGraph: [ { path, narHash, narSize, closureSize, references } ],   what exportReferencesGraph gives
    roots: [ store path ],
    symlinkLayer: { path, size, sha256 },
    conflicts: [ { path, winner, loser } ],
    unlinked: { attr: store path },   of the items with `"linked": false`
    withoutFiles: [ store path ],   outputs of which nothing can be linked
    packages: [ { attr, name, version, outPath, outputs: [ { name, path } ], license, homepage, description } ], … }
  ```

  `outPath` is the default output. `outputs` are those that are linked, see `lib/outputs.nix`: none of an item with
  `"linked": false`.

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
  unreadable ? "[]",
  marker ? "",
  hints ? "{}",
}:
let
  inherit (builtins)
    addErrorContext
    any
    concatLists
    concatStringsSep
    elem
    filter
    foldl'
    fromJSON
    head
    isString
    listToAttrs
    partition
    seq
    substring
    tail
    toJSON
    tryEval
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

  resolve = import ./lib/resolve.nix { inherit pkgs marker; };
  metadata = import ./lib/metadata.nix;
  outputs = import ./lib/outputs.nix;
  readOf = import ./lib/read-field.nix marker (fromJSON unreadable);

  requested = map (
    item: if isString item then { attr = item; } else item
  ) (fromJSON packages);

  # Where the set cannot be loaded, no package is named as the cause.
  resolved = seq pkgs (map (item: { inherit item; } // resolve item.attr) requested);
  unknown = filter (result: result ? reason && !(result.item.optional or false)) resolved;

  # The name that was asked for, by which the program knows it again.
  evaluating = result: addErrorContext "while evaluating the package '${result.item.attr}'";
  outPath = result: evaluating result result.drv.outPath;

  suggest = import ./lib/suggest.nix {
    inherit pkgs;
    hints = fromJSON hints;
  };

  # Without its outputs where nothing of it is linked.
  withOutputs =
    result:
    result
    // {
      outputs =
        if result.item.linked or true then
          map (output: output // { path = evaluating result output.path; }) (
            evaluating result (outputs {
              inherit (result) drv chosen;
              toInstall = readOf result.attr "meta.outputsToInstall" [ ] (
                result.drv.meta.outputsToInstall or [ ]
              );
            })
          )
        else
          [ ];
    };
  pathsOf = result: map (output: output.path) result.outputs;

  # Listed twice, under one spelling or two, a package would be told twice. One with fewer outputs is another package.
  covers =
    result: other:
    outPath result == outPath other && elem (pathsOf other) [ [ ] (pathsOf result) ];
  distinct = foldl' (
    list: result: if any (known: covers known result) list then list else list ++ [ result ]
  ) [ ];
  # In conflict with itself, a path would be linked twice.
  unique = foldl' (list: path: if elem path list then list else list ++ [ path ]) [ ];

  found = partition (result: result.item.linked or true) (
    map withOutputs (filter (result: !result ? reason) resolved)
  );
  # Where a package is listed both ways, it is linked.
  contents = distinct (found.right ++ found.wrong);
  linked = unique (concatLists (map pathsOf contents));
  roots = unique (map outPath contents ++ linked);

  # Nix writes a set that has an `outPath` as that path alone, so that one member is put in by hand.
  toObject =
    package:
    "{\"outPath\":${toJSON package.outPath},${substring 1 (-1) (toJSON (removeAttrs package [ "outPath" ]))}";

  describe =
    result:
    toObject (
      metadata {
        inherit (result) attr drv;
        read = readOf result.attr;
      }
      // {
        inherit (result) outputs;
      }
    );

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
    pkgs = map suggest unknown;
    failing = map (result: result.item.attr) (
      filter (result: !result ? reason && !(tryEval (outPath result)).success) resolved
    );
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
    exportReferencesGraph.runtimeGraph = roots;

    inherit roots linked;
    unlinked = listToAttrs (
      map (result: {
        name = result.attr;
        value = outPath result;
      }) found.wrong
    );
    packagesJSON = "[${
      concatStringsSep "," (map describe contents)
    }]";
    toolPath = concatStringsSep ":" (map (path: "${path}/bin") (tail tools));

    # It differs from one list of packages to the next, and takes less time than asking a substituter.
    preferLocalBuild = true;
    allowSubstitutes = false;
  }
  // {
    inherit tools;
  }
