/**
  Those of many names that begin with one of some texts.

  # Type

  ```
  startingWith :: [String] -> [String] -> [String]
  ```

  The names are sorted, as `attrNames` gives them, and so is the result. The texts are of one length. To look at each of
  the 25,000 names of nixpkgs takes long, and this looks at about 30 of them for each text.
*/
names: starts:
let
  inherit (builtins)
    attrNames
    concatMap
    elemAt
    genList
    length
    listToAttrs
    stringLength
    substring
    ;

  # The index of the first name that passes, where all behind it pass too.
  firstIndex =
    test:
    let
      between =
        low: high:
        let
          middle = (low + high) / 2;
        in
        if low == high then
          low
        else if test (elemAt names middle) then
          between low middle
        else
          between (middle + 1) high;
    in
    between 0 (length names);

  startingWithOne =
    start:
    let
      size = stringLength start;
      from = firstIndex (name: name >= start);
      to = firstIndex (name: substring 0 size name > start);
    in
    genList (index: elemAt names (from + index)) (to - from);

  distinct = attrNames (
    listToAttrs (
      map (name: {
        inherit name;
        value = null;
      }) starts
    )
  );
in
concatMap startingWithOne distinct
