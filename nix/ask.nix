/**
  Says what a package set has, for advice in a run that fails.

  # Arguments

  - `srcType`, `srcArgs`, `importArgs`, `system`: the package set, see `load-pkgs.nix`.
  - `loadPkgs`: the path of `load-pkgs.nix`.
  - `questions`: the JSON text of `{ packages, options, families }`, lists of attribute paths, with modules or without, of
    names in `config`, and of names for `lib/versions.nix`.

  # Result

  `{ packages, options, versions }`: the packages and options that the set has, and the packages of each family by its
  name. What throws is not among them.
*/
{
  srcType,
  srcArgs,
  system,
  importArgs,
  loadPkgs,
  questions,
  ...
}:
let
  inherit (builtins)
    filter
    fromJSON
    hasAttr
    isString
    listToAttrs
    ;

  pkgs = import loadPkgs {
    inherit
      srcType
      srcArgs
      importArgs
      system
      ;
  };
  asked = fromJSON questions;

  inherit (import ./lib/find.nix) hasPackage;
  inherit (import ./lib/first.nix) holds;
  inherit (import ./lib/call.nix) parse;
  resolve = import ./lib/resolve.nix {
    inherit pkgs;
    marker = "";
  };
  # Whether a function has the modules, only what it returns says.
  isThere =
    name: if parse name == null then hasPackage pkgs name else holds (name: isString (resolve name).drv.outPath) name;
in
{
  packages = filter isThere asked.packages;
  options = filter (holds (name: hasAttr name (pkgs.config or { }))) asked.options;
  versions = listToAttrs (
    map (name: {
      inherit name;
      value = import ./lib/versions.nix pkgs name;
    }) asked.families
  );
}
