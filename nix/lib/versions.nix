/**
  The packages of a set that have one name, with and without a version behind it.

  # Type

  ```
  versions :: AttrSet -> String -> [ { attr, version } ]
  ```

  `nodejs` gives `nodejs`, `nodejs_20` and so on, by their versions in these names, at most twelve, and none that throws.
  `version` is empty where the package does not say it.
*/
pkgs:
let
  inherit (builtins)
    attrNames
    compareVersions
    filter
    isString
    match
    parseDrvName
    sort
    stringLength
    substring
    tryEval
    ;
  inherit (import ./first.nix) firstOf;
  inherit (import ./find.nix) hasPackage;
  startingWith = import ./starting-with.nix;

  names = attrNames pkgs;
in
family:
let
  size = stringLength family;
  isMember = name: match "[-_]?[0-9][0-9_.]*|" (substring size (-1) name) != null;
  described =
    attr:
    let
      drv = pkgs.${attr};
      version = tryEval (drv.version or (parseDrvName drv.name).version);
    in
    {
      inherit attr;
      version = if version.success && isString version.value then version.value else "";
    };
in
map described (
  firstOf 12 40 (hasPackage pkgs) (
    sort (a: b: compareVersions a b < 0) (filter isMember (startingWith names [ family ]))
  )
)
