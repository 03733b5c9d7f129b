/**
  What may be meant by a name that is no package. Only a run that fails asks this.

  # Type

  ```
  suggest :: { pkgs, hints } -> { attr, reason, value, found, missing } -> { attr, reason, ... }
  ```

  The last argument is what `resolve.nix` gives. `hints` are by the name that was asked for, and
  of one with modules, for its path without the function:

  - `alternatives`: lists of names that are meant together, the best first;
  - `families`: names to which versions are appended;
  - `maybe`: names that are less sure to be meant, as those of packages of languages;
  - `like`: the name without its version.

  Where the hint of a name is `null`, nothing is evaluated for it, and the suggestions are names that look alike. What
  leads on best comes first, and the rest is empty.

  With `not_found`, the result has

  - `alternative`: the first list of `alternatives` whose names are all there, or null;
  - `versions`: what `versions.nix` gives for the `families`;
  - `nearMisses`: at most five: an interpreter with the module of that name, names of `maybe`, and those like the wanted
    one;
  - `package`, `outputs`: the package that the path leads to before it goes on, and its outputs, or null.

  With `no_function`, it has

  - `nearMisses`: functions that take modules, of what the path leads to before its last part, or of what `not_found`
    has for that.

  With `not_a_package`, it has

  - `type`: what Nix calls the value, or `function`;
  - `package`: the package that it is an attribute of, or null;
  - `members`: at most three packages in it.

  What throws is in none of them, unless the hint is `null`.
*/
{
  pkgs,
  hints,
}:
let
  inherit (builtins)
    addErrorContext
    all
    attrNames
    concatMap
    concatStringsSep
    deepSeq
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    length
    match
    tail
    typeOf
    ;
  inherit (import ./text.nix) joinPath splitPath;
  inherit (import ./find.nix) hasPackage isFunctor isPackage walk;
  inherit (import ./first.nix) firstOf holds;
  inherit (import ./module-names.nix) asModule;
  nearMisses = import ./near-misses.nix;

  isPackageOrSet = value: isPackage value || (isAttrs value && !isFunctor value);

  isThere = hasPackage pkgs;

  isWritable = name: match "[^\"]*" name != null;
  similarIn =
    value: wanted:
    if isAttrs value then filter isWritable (nearMisses (attrNames value) wanted) else [ ];

  versionsOf = import ./versions.nix pkgs;

  notFound =
    failed:
    let
      inherit (failed) attr;
      hint = hints.${attr} or { };
      bare = walk pkgs (splitPath hint.like);
      # A name that is there without its version is not misspelt.
      inherit (if hint ? like && bare.missing != [ ] then bare else failed) value found missing;
      isBlind = hint == null;
      first = head missing;
      rest = tail missing;
      whole = name: joinPath (found ++ [ name ] ++ rest);
      # Of a package, only what is a package too; it has sets that are none of packages.
      isMeant =
        name:
        if isBlind then
          true
        else if rest != [ ] then
          isThere (whole name)
        else
          holds (if isPackage value then isPackage else isPackageOrSet) value.${name};
      similar = similarIn value first;
      # A name with dots in it that is written without quotes.
      dotted = if isBlind then [ ] else filter isThere [ (joinPath (found ++ [ (concatStringsSep "." missing) ])) ];
      meant = if dotted == [ ] then map whole (firstOf 5 40 isMeant similar) else dotted;
      # Two parts may be misspelt.
      inSet =
        name: map (other: joinPath (found ++ [ name ] ++ [ other ] ++ tail rest)) (similarIn value.${name} (head rest));
      inSets = concatMap inSet (firstOf 2 5 (name: holds isAttrs value.${name}) similar);
      like = if meant != [ ] || rest == [ ] || isBlind then meant else firstOf 5 40 isThere inSets;
      asModules = if found == [ ] && !isBlind then asModule pkgs (hint.like or attr) else [ ];
      maybe = asModules ++ firstOf 3 40 isThere (hint.maybe or [ ]);
      alternatives = firstOf 1 40 (all isThere) (hint.alternatives or [ ]);
      versions = concatMap versionsOf (hint.families or [ ]);
    in
    {
      inherit attr;
      reason = "not_found";
      alternative = if alternatives == [ ] then null else head alternatives;
      versions = if alternatives == [ ] then versions else [ ];
      nearMisses =
        if alternatives != [ ] || versions != [ ] || (hint ? like && bare.missing == [ ]) then
          [ ]
        else
          firstOf 5 10 (_: true) (maybe ++ filter (name: !elem name maybe) like);
      package = if isPackage value then joinPath found else null;
      outputs = if isPackage value then value.outputs or [ "out" ] else null;
    };

  noFunction =
    {
      attr,
      value,
      found,
      missing,
      ...
    }@failed:
    let
      size = length missing;
      before = if size == 0 then [ ] else genList (elemAt missing) (size - 1);
      name = if size == 0 then [ ] else [ (elemAt missing (size - 1)) ];
      isThereAs = holds (
        path:
        let
          walked = walk pkgs path;
        in
        walked.missing == [ ] && isFunctor walked.value
      );
      functionsIn =
        set:
        filter (
          name: match "with[A-Z].*|[a-z]+With(Packages|Plugins)" name != null && holds isFunctor set.${name}
        ) (if isAttrs set then attrNames set else [ ]);
      # The functions of what a path leads to, the one of that name before all others. Emacs has it beside its packages.
      functionsOf =
        path:
        if isThereAs (path ++ name) || path ++ name == [ "R" "withPackages" ] then
          [ (path ++ name) ]
        else
          map (function: path ++ [ function ]) (functionsIn (walk pkgs path).value)
          ++ filter isThereAs [ (path ++ [ "pkgs" ] ++ name) ];
      # Of python3Packages, the interpreter is python3, and of rubyPackages_3_4 it is ruby_3_4.
      stem = if found == [ ] then null else match "(.+)Packages([0-9_]*)" (elemAt found (length found - 1));
      ofStem = if stem == null then [ ] else filter isThereAs [ [ (concatStringsSep "" stem) "withPackages" ] ];
      # Of what is not there all is said as of a package.
      unknown = notFound (failed // { missing = before; });
      meant = if unknown.alternative == null then unknown.nearMisses else unknown.alternative;
    in
    {
      inherit attr;
      reason = "no_function";
      nearMisses = map joinPath (
        if before != [ ] then
          concatMap (path: functionsOf (splitPath path)) meant
        else if hints.${attr} or { } == null || found == [ ] || size == 0 then
          [ ]
        else
          ofStem ++ functionsOf found
      );
    };

  notAPackage =
    {
      attr,
      value,
      found,
      ...
    }:
    let
      parent = genList (elemAt found) (length found - 1);
      parentValue = foldl' (set: name: set.${name}) pkgs parent;
      # In sets as python3Packages, what begins otherwise is no package. A set of package sets takes long to look at.
      names = filter (name: match "[a-z][^\"]*|@[^\"]*" name != null) (attrNames value);
      members =
        if hints.${attr} or { } == null then [ ] else firstOf 3 12 (name: holds isPackage value.${name}) names;
    in
    {
      inherit attr;
      reason = "not_a_package";
      type = if isFunctor value then "function" else typeOf value;
      package = if parent != [ ] && holds isPackage parentValue then joinPath parent else null;
      members = if isAttrs value && !isFunctor value then map (name: joinPath (found ++ [ name ])) members else [ ];
    };
in
failed:
let
  suggestions =
    if failed.reason == "not_found" then
      notFound failed
    else if failed.reason == "no_function" then
      noFunction failed
    else
      notAPackage failed;
in
# The program asks again with the hint `null` where something in this cannot be evaluated, and is no `throw`.
addErrorContext "while looking for what '${failed.attr}' may mean" (deepSeq suggestions suggestions)
