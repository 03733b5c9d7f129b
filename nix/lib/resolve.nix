/**
  Finds a package by its attribute path.

  # Type

  ```
  resolve :: { pkgs, marker } -> String -> { attr, drv, chosen } | { attr, reason, value, found, missing }
  ```

  A path that leads nowhere is tried again with the first-level attribute that differs only by case
  (`haskellpackages.x` finds `haskellPackages.x`), and, where it starts with a digit, with `_` before it
  (`7zz` finds `_7zz`). `attr` is the path that was found. `chosen` is whether it ends with an output of a package, as
  `curl.dev` does.

  A name with modules in parentheses has the path of a function, see `call.nix`, to which `marker` goes.

  `reason` is `not_found`, `not_a_package`, or, with modules, `no_function`. `value` is as far as the path leads, `found`
  its parts up to there, and `missing` those that remain. `suggest.nix` says what may be meant.
*/
{ pkgs, marker }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    head
    isList
    isString
    length
    match
    stringLength
    substring
    tail
    tryEval
    ;
  inherit (import ./text.nix) joinPath splitPath toLower toUpper;
  inherit (import ./call.nix) call parse;
  find = import ./find.nix;
  startingWith = import ./starting-with.nix;

  names = attrNames pkgs;

  walk = find.walk pkgs;

  otherSpellings =
    first:
    let
      spellings = [ first ] ++ (if match "[0-9].*" first == null then [ ] else [ "_${first}" ]);
      sameLetters =
        spelling:
        let
          length = stringLength spelling;
          lower = toLower spelling;
          first = substring 0 1 lower;
        in
        # Most names have another length, and to compare that costs little.
        filter (name: stringLength name == length && toLower name == lower) (
          startingWith names [
            first
            (toUpper first)
          ]
        );
    in
    tail spellings ++ concatMap sameLetters spellings;

  # A set that throws has none: a package of its own may be named `type` or `outputs`, and another one be asked for.
  outputsOf =
    value:
    let
      names = tryEval (if find.isPackage value then value.outputs or [ ] else [ ]);
      found = if names.success && isList names.value then names.value else [ ];
    in
    filter (name: isString name) found;

  describe =
    asked: walked:
    if walked.missing != [ ] then
      walked
      // {
        attr = asked;
        reason = "not_found";
      }
    else if find.isPackage walked.value then
      {
        attr = joinPath walked.found;
        drv = walked.value;
        chosen = elem (elemAt walked.found (length walked.found - 1)) (outputsOf walked.parent);
      }
    else
      walked
      // {
        attr = asked;
        reason = "not_a_package";
      };

  lookUp =
    name:
    let
      path = splitPath name;
      exact = walk path;
      others = filter (walked: walked.missing == [ ]) (
        map (first: walk ([ first ] ++ tail path)) (otherSpellings (head path))
      );
    in
    if exact.missing == [ ] || others == [ ] then exact else head others;

  describeCall =
    asked:
    { path, modules }:
    let
      walked = lookUp path;
      drv = call { inherit pkgs marker; } asked walked modules;
    in
    if find.isPackage drv then
      {
        attr = "${joinPath (walked.found ++ walked.missing)}(${concatStringsSep ", " modules})";
        inherit drv;
        chosen = false;
      }
    else
      walked
      // {
        attr = asked;
        reason = "no_function";
      };
in
asked:
let
  called = parse asked;
in
addErrorContext "while evaluating the package '${asked}'" (
  if called == null then describe asked (lookUp asked) else describeCall asked called
)
