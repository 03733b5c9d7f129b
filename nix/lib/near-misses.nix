/**
  Names that somebody may have meant who wrote an unknown one.

  # Type

  ```
  nearMisses :: [String] -> String -> [String]
  ```

  Those of the names that differ from the wanted one by one edit (a character added, dropped or replaced, or two
  neighbours swapped), by two edits where the name has at least seven characters, or only by upper case, hyphens and
  underscores; the closest first, and of these, those that begin like it. The names are sorted, as `attrNames` gives
  them.
*/
names: wanted:
let
  inherit (builtins)
    elem
    filter
    partition
    replaceStrings
    sort
    stringLength
    substring
    ;
  inherit (import ./text.nix) characters toLower toUpper;
  startingWith = import ./starting-with.nix;

  min = a: b: if a < b then a else b;

  commonPrefix =
    a: b:
    let
      end = min (stringLength a) (stringLength b);
      go = i: if i < end && substring i 1 a == substring i 1 b then go (i + 1) else i;
    in
    go 0;

  withinEdits =
    limit: a: b:
    let
      start = commonPrefix a b;
      restA = substring start (-1) a;
      restB = substring start (-1) b;
      lengthA = stringLength restA;
      lengthB = stringLength restB;
      tail = text: substring 1 (-1) text;
      swapped = substring 1 1 restA + substring 0 1 restA == substring 0 2 restB;
    in
    if limit == 0 then
      a == b
    else if restA == restB then
      true
    else if lengthA - lengthB > limit || lengthB - lengthA > limit then
      false
    else
      withinEdits (limit - 1) (tail restA) (tail restB)
      || withinEdits (limit - 1) restA (tail restB)
      || withinEdits (limit - 1) (tail restA) restB
      || (swapped && withinEdits (limit - 1) (tail (tail restA)) (tail (tail restB)));

  size = stringLength wanted;
  most = if size < 7 then 1 else 2;

  # An edit leaves all but two neighbours as they are. So one edit leaves the first or the last of two parts with a
  # character between them. Two edits leave the first or the last of three such parts, or else one of them is before the
  # middle part, which it moves by at most one character, and one is behind it. To look for these first spares nearly
  # all names the search above.
  shortest = size - most;
  longest = size + most;
  part = if most == 1 then (size - 1) / 2 else (size - 2) / 3;
  first = substring 0 part wanted;
  last = substring (size - part) part wanted;
  middleSize = size - 2 * part - 2;
  middle = substring (part + 1) middleSize wanted;
  hasFirst =
    name:
    let
      length = stringLength name;
    in
    length >= shortest && length <= longest && substring 0 part name == first;
  hasLastOrMiddle =
    name:
    let
      length = stringLength name;
    in
    length >= shortest
    && length <= longest
    && (
      substring (length - part) part name == last
      || (
        most == 2
        && (
          substring (part + 1) middleSize name == middle
          || substring part middleSize name == middle
          || substring (part + 2) middleSize name == middle
        )
      )
    );

  folded = replaceStrings [ "-" "_" ] [ "" "" ] (toLower wanted);
  foldedSize = stringLength folded;
  # Of the letters only those of the wanted name, since each takes time.
  fold = replaceStrings (characters ("-_" + toUpper folded)) ([ "" "" ] ++ characters folded);
  starts = [
    (substring 0 1 folded)
    (toUpper (substring 0 1 folded))
    (substring 0 1 wanted)
    "_"
  ];
  isFolded =
    name:
    let
      length = stringLength name;
    in
    length >= foldedSize
    && length <= foldedSize + 4
    && elem (substring 0 1 name) starts
    && fold name == folded;

  distanceOf =
    name:
    if isFolded name then
      0
    else if !(hasFirst name || hasLastOrMiddle name) || !withinEdits most name wanted then
      null
    else if most == 1 || withinEdits 1 name wanted then
      1
    else
      2;

  # To look at each name takes most of the time, so that this is done once, and not for what begins like the wanted one.
  looked = partition hasLastOrMiddle names;
  alike = looked.right ++ startingWith looked.wrong (filter (start: start != "") starts);

  candidates = map (name: {
    inherit name;
    distance = distanceOf name;
    # Most people get the beginning right.
    differsAt = commonPrefix name wanted;
  }) alike;
in
map (candidate: candidate.name) (
  sort (
    a: b:
    if a.distance != b.distance then
      a.distance < b.distance
    else if a.differsAt != b.differsAt then
      a.differsAt > b.differsAt
    else
      a.name < b.name
  ) (filter (candidate: candidate.distance != null && candidate.name != wanted) candidates)
)
