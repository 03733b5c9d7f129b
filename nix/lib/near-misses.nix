/**
  Names that somebody may have meant who wrote an unknown one.

  # Type

  ```
  nearMisses :: [String] -> String -> [String]
  ```

  At most five of the names that differ from the wanted one by no more than two edits (a character added, dropped or
  replaced, or two neighbours swapped; one edit, where the name has fewer than five characters), or only by upper case,
  hyphens and underscores; the closest first.
*/
names: wanted:
let
  inherit (builtins)
    concatMap
    filter
    genList
    length
    replaceStrings
    sort
    stringLength
    substring
    ;
  inherit (import ./text.nix) toLower;

  min = a: b: if a < b then a else b;
  abs = n: if n < 0 then -n else n;
  take = n: list: genList (builtins.elemAt list) (min n (length list));

  fold = name: replaceStrings [ "-" "_" ] [ "" "" ] (toLower name);

  commonPrefix =
    a: b:
    let
      end = min (stringLength a) (stringLength b);
      go = i: if i < end && substring i 1 a == substring i 1 b then go (i + 1) else i;
    in
    go 0;

  # Bounded by `limit`, which is 2 at the most, so that a set of 25,000 names is searched in about a second.
  withinEdits =
    limit: a: b:
    let
      start = commonPrefix a b;
      restA = substring start (-1) a;
      restB = substring start (-1) b;
      tail = text: substring 1 (-1) text;
      swapped = substring 1 1 restA + substring 0 1 restA == substring 0 2 restB;
    in
    if restA == restB then
      true
    else if limit == 0 || abs (stringLength restA - stringLength restB) > limit then
      false
    else
      withinEdits (limit - 1) (tail restA) (tail restB)
      || withinEdits (limit - 1) restA (tail restB)
      || withinEdits (limit - 1) (tail restA) restB
      || (swapped && withinEdits (limit - 1) (tail (tail restA)) (tail (tail restB)));

  most = if stringLength wanted < 5 then 1 else 2;
  foldedWanted = fold wanted;

  distance =
    name:
    if fold name == foldedWanted then
      0
    else if abs (stringLength name - stringLength wanted) > most then
      null
    else if withinEdits 1 name wanted then
      1
    else if most == 2 && withinEdits 2 name wanted then
      2
    else
      null;

  candidates = concatMap (
    name:
    let
      d = distance name;
    in
    if d == null then [ ] else [ { inherit name d; } ]
  ) (filter (name: name != wanted) names);
in
map (candidate: candidate.name) (
  take 5 (sort (a: b: if a.d == b.d then a.name < b.name else a.d < b.d) candidates)
)
