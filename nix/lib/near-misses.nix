/**
  Names that somebody may have meant who wrote an unknown one.

  # Type

  ```
  nearMisses :: [String] -> String -> [String]
  ```

  Those of the names that differ from the wanted one by one edit (a character added, dropped or replaced, or two
  neighbours swapped), by two edits where the name has at least seven characters, or only by upper case, hyphens and
  underscores; the closest first, and of these, those that begin like it.
*/
names: wanted:
let
  inherit (builtins)
    concatMap
    elem
    filter
    replaceStrings
    sort
    stringLength
    substring
    ;
  inherit (import ./text.nix) toLower;

  min = a: b: if a < b then a else b;

  fold = name: replaceStrings [ "-" "_" ] [ "" "" ] (toLower name);

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
    if restA == restB then
      true
    else if limit == 0 || lengthA - lengthB > limit || lengthB - lengthA > limit then
      false
    else
      withinEdits (limit - 1) (tail restA) (tail restB)
      || withinEdits (limit - 1) restA (tail restB)
      || withinEdits (limit - 1) (tail restA) restB
      || (swapped && withinEdits (limit - 1) (tail (tail restA)) (tail (tail restB)));

  size = stringLength wanted;
  most = if size < 7 then 1 else 2;

  # An edit leaves all but two neighbours as they are. So one edit leaves one of two parts with a character between them,
  # and two edits one of three such parts. To look for these first spares nearly all names the search above.
  part = if most == 1 then (size - 1) / 2 else (size - 2) / 3;
  first = substring 0 part wanted;
  middle = substring (part + 1) part wanted;
  last = substring (size - part) part wanted;
  hasPart =
    name: length:
    substring 0 part name == first
    || substring (length - part) part name == last
    || (
      most == 2
      && (
        substring (part + 1) part name == middle
        || substring part part name == middle
        || substring (part + 2) part name == middle
        || substring (part + 3) part name == middle
        || (part > 0 && substring (part - 1) part name == middle)
      )
    );

  folded = fold wanted;
  foldedSize = stringLength folded;
  firsts = [
    (substring 0 1 folded)
    (substring 0 1 wanted)
    "_"
  ];
  isFolded =
    name: length:
    length >= foldedSize
    && length <= foldedSize + 4
    && elem (toLower (substring 0 1 name)) firsts
    && fold name == folded;

  candidates = concatMap (
    name:
    let
      length = stringLength name;
      found = distance: [
        {
          inherit name distance;
          # Most people get the beginning right.
          differsAt = commonPrefix name wanted;
        }
      ];
    in
    if length < foldedSize - most || length > size + 4 then
      [ ]
    else if isFolded name length then
      if name == wanted then [ ] else found 0
    else if length < size - most || length > size + most || !hasPart name length then
      [ ]
    else if withinEdits 1 name wanted then
      found 1
    else if most == 2 && withinEdits 2 name wanted then
      found 2
    else
      [ ]
  ) names;
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
  ) (filter (candidate: candidate.name != wanted) candidates)
)
