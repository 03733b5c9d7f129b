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
    attrNames
    elemAt
    filter
    head
    isAttrs
    isFunction
    isList
    match
    replaceStrings
    split
    toJSON
    ;
  inherit (import ./text.nix) joinPath splitPath toLower;
  inherit (import ./find.nix) hasPackage isFunctor walk;
  inherit (import ./first.nix) firstOf holds;
  nearMisses = import ./near-misses.nix;
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

      isThere = set: holds (name: (walk set (splitPath name)).missing == [ ]);

      # Of PyPI's and Debian's names, many differ from those of a set by one of these.
      respelt =
        name:
        let
          without =
            regex:
            let
              parts = match regex name;
            in
            if parts == null then [ ] else [ (elemAt parts 0) ];
        in
        map toLower (
          [
            name
            (replaceStrings [ "." ] [ "-" ] name)
            (replaceStrings [ "." ] [ "_" ] name)
            "python-${name}"
            "py${name}"
          ]
          ++ without "python3?-(.+)"
          ++ without "(.+)-(binary|headless|python|cpu|dev)"
        );

      # What Python's modules are imported as, where no rule leads to their names.
      imported = {
        bs4 = "beautifulsoup4";
        Crypto = "pycryptodome";
        cv2 = "opencv4";
        git = "gitpython";
        google-protobuf = "protobuf";
        MySQLdb = "mysqlclient";
        opencv-python = "opencv4";
        opencv-python-headless = "opencv4";
        PIL = "pillow";
        pytorch = "torch";
        skimage = "scikit-image";
        sklearn = "scikit-learn";
      };

      suggest =
        set: name:
        let
          known = filter (isThere set) (
            (if imported ? ${name} then [ imported.${name} ] else [ ]) ++ respelt name
          );
          isPackage = known == [ ] && hasPackage pkgs name;
        in
        {
          inherit name isPackage;
          nearMisses =
            if known != [ ] then
              [ (head known) ]
            else if isPackage then
              [ ]
            else
              firstOf 3 40 (isThere set) (map (near: joinPath [ near ]) (nearMisses (attrNames set) name));
        };

      select =
        set:
        let
          # php.withExtensions gives those that are enabled beside all that there are.
          isPhp = isAttrs (set.all or null) && isList (set.enabled or null);
          members = if isPhp then set.all else set;
          missing = filter (name: !isThere members name) modules;
        in
        if missing != [ ] then
          throw "wrong name (${marker}) ${
            toJSON {
              inherit attr;
              reason = "no_module";
              called = path;
              modules = map (suggest members) missing;
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
      isR = found == [ "R" ] && missing == [ "withPackages" ] && pkgs ? rWrapper && pkgs ? rPackages;
    in
    if isR then
      pkgs.rWrapper.override { packages = select pkgs.rPackages; }
    else if missing != [ ] || !isFunctor value then
      null
    else
      value (if lists ? ${path} then select lists.${path} else select);
}
