/**
  Loads the package set that an image is made from.

  # Arguments

  - `srcType`: how `srcArgs` is to be read, one of
    - `nixpkgs`, `tarball`: `{ url, sha256 }`, an archive and the hash of what it unpacks to;
    - `git`, `path`: `{ path, narHash }`, a folder that is already in the store.
  - `srcArgs`: the JSON text of those arguments.
  - `importArgs`: the JSON text of a set that the package set is called with, `{ config }`.
  - `system`: the Nix system that the packages are for.

  Every source is pinned by the hash of its content, so that pure evaluation accepts it.
  `system`, `config` and `overlays` are passed: what is not passed, a package set like nixpkgs would
  read from the environment and from files of the user. A set that names `config` and no `overlays`
  is older than overlays, as nixpkgs was until the end of 2016, and gets none.
*/
{
  srcType,
  srcArgs,
  importArgs,
  system,
}:
let
  inherit (builtins)
    attrNames
    fetchTarball
    fromJSON
    functionArgs
    isAttrs
    isFunction
    pathExists
    typeOf
    ;

  args = fromJSON srcArgs;

  fetched =
    { url, sha256 }:
    fetchTarball {
      name = "source";
      inherit url sha256;
    };

  stored =
    { path, narHash }:
    builtins.path {
      name = "source";
      inherit path;
      sha256 = narHash;
    };

  sources = {
    nixpkgs = fetched;
    tarball = fetched;
    git = stored;
    path = stored;
  };

  source =
    sources.${srcType} or (throw "load-pkgs: `srcType` must be one of ${toString (attrNames sources)}, not ${srcType}");

  root = source args;

  imported =
    if pathExists (root + "/flake.nix") && !pathExists (root + "/default.nix") then
      throw "load-pkgs: the source has a flake.nix and no default.nix"
    else
      import root;
  takes = functionArgs imported;

  pkgs =
    if isFunction imported then
      imported (
        {
          config = { };
        }
        // (if takes ? config && !takes ? overlays then { } else { overlays = [ ]; })
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
