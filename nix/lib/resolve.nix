/**
  Finds a package by its attribute path.

  # Type

  ```
  resolve :: AttrSet -> String -> { attr, drv, chosen } | { attr, reason, ... }
  ```

  A path that leads nowhere is tried again with the first-level attribute that differs only by case
  (`haskellpackages.x` finds `haskellPackages.x`), and, where it starts with a digit, with `_` before it
  (`7zz` finds `_7zz`). `attr` is the path that was found. `chosen` is whether it ends with an output of a package, as
  `curl.dev` does.

  `reason` is `not_found` (with `nearMisses`, whole paths, and `outputs`, those of the package that the path leads to
  without its last name) or `not_a_package` (with `type`, what Nix calls the value).
*/
pkgs:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    hasAttr
    head
    isAttrs
    isList
    isString
    length
    match
    tail
    tryEval
    typeOf
    ;
  inherit (import ./text.nix) splitPath toLower;
  nearMisses = import ./near-misses.nix;

  joinPath = concatStringsSep ".";

  # As far as the path leads: the last set that was reached, and the parts that were not found in it.
  walk =
    path:
    foldl'
      (
        state: key:
        if state.missing == [ ] && isAttrs state.value && hasAttr key state.value then
          {
            value = state.value.${key};
            parent = state.value;
            found = state.found ++ [ key ];
            missing = [ ];
          }
        else
          state // { missing = state.missing ++ [ key ]; }
      )
      {
        value = pkgs;
        parent = null;
        found = [ ];
        missing = [ ];
      }
      path;

  otherSpellings =
    first:
    let
      spellings = [ first ] ++ (if match "[0-9].*" first == null then [ ] else [ "_${first}" ]);
      sameLetters = spelling: filter (name: toLower name == toLower spelling) (attrNames pkgs);
    in
    tail spellings ++ concatMap sameLetters spellings;

  isPackage = value: isAttrs value && value.type or null == "derivation";

  # A set that throws has none: a package of its own may be named `type` or `outputs`, and another one be asked for.
  outputsOf =
    value:
    let
      names = tryEval (if isPackage value then value.outputs or [ ] else [ ]);
      found = if names.success && isList names.value then names.value else [ ];
    in
    filter (name: isString name) found;

  describe =
    asked: walked:
    let
      attr = joinPath walked.found;
      from = if isAttrs walked.value then attrNames walked.value else [ ];
      prefix = if walked.found == [ ] then "" else "${attr}.";
    in
    if walked.missing != [ ] then
      {
        attr = asked;
        reason = "not_found";
        nearMisses = map (name: "${prefix}${joinPath ([ name ] ++ tail walked.missing)}") (
          nearMisses from (head walked.missing)
        );
        outputs = map (name: prefix + name) (
          if length walked.missing == 1 then outputsOf walked.value else [ ]
        );
      }
    else if isPackage walked.value then
      {
        inherit attr;
        drv = walked.value;
        chosen = elem (elemAt walked.found (length walked.found - 1)) (outputsOf walked.parent);
      }
    else
      {
        attr = asked;
        reason = "not_a_package";
        type = typeOf walked.value;
      };
in
asked:
let
  path = splitPath asked;
  exact = walk path;
  others = filter (walked: walked.missing == [ ]) (
    map (first: walk ([ first ] ++ tail path)) (otherSpellings (head path))
  );
in
addErrorContext "while evaluating the package '${asked}'" (
  describe asked (if exact.missing == [ ] || others == [ ] then exact else elemAt others 0)
)
