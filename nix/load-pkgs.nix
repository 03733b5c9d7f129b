/**
  Loads the package set that an image is made from.

  # Arguments

  - `srcType`: how `srcArgs` is to be read, one of
    - `nixpkgs`: `{ url, sha256 }`, the archive of a revision and the hash of what it unpacks to;
    - `path`: `{ path, narHash }`, a folder that is already in the store.
  - `srcArgs`: the JSON text of those arguments.
  - `importArgs`: the JSON text of a set that the package set is called with, `{ config }`.
  - `system`: the Nix system that the packages are for.

  Every source is pinned by the hash of its content, so that pure evaluation accepts it.
  `system`, `config` and `overlays` are always passed: what is not passed, a package set like
  nixpkgs would read from the environment and from files of the user.
*/
{
  srcType,
  srcArgs,
  importArgs,
  system,
}:
let
  inherit (builtins)
    fetchTarball
    fromJSON
    functionArgs
    isAttrs
    isFunction
    path
    typeOf
    ;

  args = fromJSON srcArgs;

  sources = {
    nixpkgs =
      { url, sha256 }:
      fetchTarball {
        name = "source";
        inherit url sha256;
      };

    path =
      { path, narHash }:
      builtins.path {
        name = "source";
        inherit path;
        sha256 = narHash;
      };
  };

  source =
    sources.${srcType} or (throw "load-pkgs: `srcType` must be one of ${toString (builtins.attrNames sources)}, not ${srcType}");

  imported = import (source args);

  pkgs =
    if isFunction imported then
      imported (
        {
          overlays = [ ];
          config = { };
        }
        // fromJSON importArgs
        // {
          inherit system;
        }
      )
    else
      imported;
in
if isAttrs pkgs then
  pkgs
else
  throw "load-pkgs: the source evaluates to a ${typeOf pkgs}; it must be a set of packages, or a function of { system, config, overlays } that returns one"
