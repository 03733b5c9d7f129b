/**
  The packages of a set that have one name, with and without a version behind it.

  # Type

  ```
  versions :: AttrSet -> String -> [ { attr, version, refused } ]
  ```

  `nodejs` gives `nodejs`, `nodejs_20` and so on, by their versions in these names, at most twelve, and none that throws.
  `version` is empty where the package does not say it, and `refused` has why the set refuses it, as in `insecure`. What
  has another version than its name says is another package, as `gnome-2048` is.
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
  inherit (import ./first.nix) firstOf holds;
  inherit (import ./find.nix) hasPackage;
  startingWith = import ./starting-with.nix;

  names = attrNames pkgs;
in
family:
let
  size = stringLength family;
  isMember = name: match "[-_]?[0-9][0-9_.]*|" (substring size (-1) name) != null;
  versionOf =
    drv:
    let
      own = tryEval (drv.version or null);
      parsed = tryEval (parseDrvName drv.name).version;
    in
    if own.success && isString own.value then
      own.value
    else if own.success && parsed.success then
      parsed.value
    else
      "";
  reasons = [
    "insecure"
    "unfree"
    "broken"
    "unsupported"
  ];
  described =
    attr:
    let
      drv = pkgs.${attr};
      isRefused = holds (drv: !(drv.meta.available or true)) drv;
    in
    {
      inherit attr;
      version = versionOf drv;
      refused =
        if isRefused then firstOf 1 4 (holds (reason: drv.meta.${reason} or false)) reasons else [ ];
    };
  firstDigit = text: match "[^0-9]*([0-9]).*" text;
  isOfItsVersion =
    { attr, version, ... }:
    let
      wanted = firstDigit (substring size (-1) attr);
      own = firstDigit version;
    in
    wanted == null || own == null || wanted == own;
in
filter isOfItsVersion (
  map described (
    firstOf 12 40 (hasPackage pkgs) (
      sort (a: b: compareVersions a b < 0) (filter isMember (startingWith names [ family ]))
    )
  )
)
