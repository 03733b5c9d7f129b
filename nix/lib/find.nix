/**
  Follows an attribute path, as it is written.

  # Type

  ```
  walk :: AttrSet -> [String] -> { value, parent, found, missing }
  isPackage :: Any -> Bool
  isFunctor :: Any -> Bool
  hasPackage :: AttrSet -> String -> Bool
  ```

  `walk` goes as far as the path leads: `value` is what was reached, `parent` the set that has it, `found` the parts up to
  there, and `missing` those that remain. `isFunctor` says whether it can be called. `hasPackage` says whether the whole
  path leads to a package. Of one that throws it says no.
*/
let
  inherit (builtins)
    foldl'
    hasAttr
    isAttrs
    isFunction
    ;
  inherit (import ./first.nix) holds;
  inherit (import ./text.nix) splitPath;
in
rec {
  walk =
    pkgs:
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
      };

  isFunctor = value: isFunction value || (isAttrs value && value ? __functor);

  isPackage = value: isAttrs value && value.type or null == "derivation";

  hasPackage =
    pkgs:
    holds (
      attr:
      let
        walked = walk pkgs (splitPath attr);
      in
      walked.missing == [ ] && isPackage walked.value
    );
}
