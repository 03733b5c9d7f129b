/**
  A package together with modules of its own, as python3 with requests.

  # Type

  ```
  parse :: String -> null | { path, modules }
  call :: { pkgs, marker } -> String -> walked -> [String] -> null | Any
  ```

  `parse` reads a name as `python3.withPackages(requests, numpy)`; of one without parentheses it gives null.

  `call` calls the function that the path leads to with a function, which takes the modules from the set that it is
  given: that is how nixpkgs makes python3, perl, ruby, lua, ghc, emacs and postgresql with modules. It takes the name that
  was asked for, what `find.nix` gives for its path, and its modules. It gives null where there is no function.

  Only the function knows its modules. So where some are missing, `{ attr, reason, called, modules }` is thrown as JSON,
  behind a `marker` that no package set knows. `attr` is the name that was asked for, `reason` is `no_module`, `called` is
  the path of the function, and `modules` are those that are missing, each as `{ name, nearMisses, isPackage }`.
*/
let
  inherit (builtins)
    elem
    elemAt
    filter
    head
    isAttrs
    isList
    match
    split
    tail
    toJSON
    ;
  inherit (import ./text.nix) joinPath splitPath;
  inherit (import ./find.nix) isFunctor walk;
  inherit (import ./first.nix) holds;
  inherit (import ./module-names.nix) isThere suggest;
in
{
  parse =
    name:
    let
      parts = match "([^(]+)[(](.*)[)]" name;
    in
    if parts == null then
      null
    else
      {
        path = elemAt parts 0;
        modules = filter (module: !isList module) (split ", " (elemAt parts 1));
      };

  call =
    { pkgs, marker }:
    attr:
    {
      found,
      missing,
      value,
      ...
    }:
    modules:
    let
      path = joinPath (found ++ missing);
      # nixpkgs has itself as `pkgs`.
      own = if found != [ ] && head found == "pkgs" then tail found else found;
      ownPath = joinPath own;

      select =
        set:
        let
          # php.withExtensions gives those that are enabled beside all that there are.
          isPhp = holds (set: isList (set.enabled or null) && isAttrs (set.all or null)) set;
          members = if isPhp then set.all else set;
          missing = filter (name: !isThere members name) modules;
        in
        if missing != [ ] then
          throw "wrong name (${marker}) ${
            toJSON {
              inherit attr;
              reason = "no_module";
              called = path;
              modules = map (suggest pkgs members) missing;
            }
          }"
        else
          (if isPhp then set.enabled else [ ]) ++ map (name: (walk members (splitPath name)).value) modules;

      # These take a list, and have the modules beside them.
      lists = {
        "azure-cli.withExtensions" = pkgs.azure-cli.extensions;
        "google-cloud-sdk.withExtraComponents" = pkgs.google-cloud-sdk.components;
      };
      # R has no such function. What has it and its packages is called otherwise.
      isR =
        elem own [
          [ "R" ]
          [ "rWrapper" ]
        ]
        && missing == [ "withPackages" ]
        && pkgs ? rWrapper
        && pkgs ? rPackages;
    in
    if isR then
      pkgs.rWrapper.override { packages = select pkgs.rPackages; }
    else if missing != [ ] || !isFunctor value then
      null
    else
      value (if lists ? ${ownPath} then select lists.${ownPath} else select);
}
