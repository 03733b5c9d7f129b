/**
  What may be meant by the name of a module, as one of python3Packages.

  # Type

  ```
  isThere :: AttrSet -> String -> Bool
  known :: set -> String -> [String]
  suggest :: pkgs -> set -> String -> { name, nearMisses, isPackage }
  asModule :: pkgs -> String -> [String]
  ```

  `suggest` is for a name that a set of modules does not have: at most three others of the set, and whether it is a
  package by itself.

  `asModule` is for a name that is no package: `numpy` and Debian's `python3-numpy` give
  `[ "python3.withPackages(numpy)" ]`, and `r-cran-ggplot2` gives `[ "R.withPackages(ggplot2)" ]`. Where the interpreter
  of the set has no such function, it is the attribute path.
*/
let
  inherit (builtins)
    attrNames
    concatMap
    elemAt
    filter
    head
    isAttrs
    length
    match
    replaceStrings
    ;
  inherit (import ./text.nix) joinPath splitPath toLower;
  inherit (import ./find.nix) hasPackage isFunctor walk;
  inherit (import ./first.nix) firstOf holds;
  nearMisses = import ./near-misses.nix;

  last = list: elemAt list (length list - 1);

  without =
    regex: name:
    let
      parts = match regex name;
    in
    if parts == null then [ ] else [ (elemAt parts 0) ];

  # Of PyPI's and Debian's names, many differ from those of a set by one of these.
  respelt =
    name:
    # `python3Packages.requests` and `ps.requests`.
    (if length (splitPath name) > 1 then [ (joinPath [ (last (splitPath name)) ]) ] else [ ])
    ++ map toLower (
      [
        name
        (replaceStrings [ "." "_" ] [ "-" "-" ] name)
        (replaceStrings [ "." "-" ] [ "_" "_" ] name)
        "python-${name}"
        "py${name}"
        "lua${name}"
      ]
      ++ without "python3?-(.+)" name
      ++ without "(.+)-(binary|headless|python|cpu|dev)" name
    );

  # What Python's modules are imported as, and PyPI's names, where no rule leads from them to those of the set.
  otherNames = {
    bs4 = "beautifulsoup4";
    crypto = "pycryptodome";
    cv2 = "opencv4";
    gi = "pygobject3";
    git = "gitpython";
    mysqldb = "mysqlclient";
    opencv = "opencv4";
    opencv-python = "opencv4";
    opencv-python-headless = "opencv4";
    pil = "pillow";
    pytorch = "torch";
    skimage = "scikit-image";
    sklearn = "scikit-learn";
    tensorflow-gpu = "tensorflow";
  };

  # `named` is how Debian and Alpine name modules; the last part of it is the module.
  languages = [
    {
      named = "(python[23]?([.]?[0-9]+)?-|py3-)(.+)";
      set = "python3Packages";
      interpreter = "python3";
      function = "withPackages";
    }
    {
      named = "(lib)(.+)-perl";
      set = "perlPackages";
      interpreter = "perl";
      function = "withPackages";
    }
    {
      named = "(ruby-)(.+)";
      set = "rubyPackages";
      interpreter = "ruby";
      function = "withPackages";
    }
    {
      named = "(lua[0-9.]*-)(.+)";
      set = "luaPackages";
      interpreter = "lua";
      function = "withPackages";
    }
    {
      named = "(r-cran-|r-)(.+)";
      set = "rPackages";
      interpreter = "R";
      function = "withPackages";
    }
    {
      named = "(php[0-9.]*-)(.+)";
      set = "phpExtensions";
      interpreter = "php";
      function = "withExtensions";
    }
  ];
in
rec {
  isThere = set: holds (name: (walk set (splitPath name)).missing == [ ]);

  # The same name under the rules above.
  known =
    set: name:
    filter (isThere set) (
      [ (otherNames.${toLower name} or name) ] ++ respelt name
    );

  suggest =
    pkgs: set: name:
    let
      same = known set name;
      isPackage = same == [ ] && hasPackage pkgs name;
    in
    {
      inherit name isPackage;
      nearMisses =
        if same != [ ] then
          [ (head same) ]
        else if isPackage then
          [ ]
        else
          firstOf 3 40 (isThere set) (map (near: joinPath [ near ]) (nearMisses (attrNames set) name));
    };

  asModule =
    pkgs: name:
    let
      setOf =
        { set, ... }: if holds (set: isAttrs (pkgs.${set} or null)) set then pkgs.${set} else { };
      # Without the function, a module is only in its set.
      written =
        {
          set,
          interpreter,
          function,
          ...
        }:
        module:
        if interpreter == "R" || holds (name: isFunctor (pkgs.${name}.${function} or null)) interpreter then
          "${interpreter}.${function}(${module})"
        else
          "${set}.${module}";
      inLanguage =
        language:
        let
          parts = match language.named name;
          module = elemAt parts (length parts - 1);
          found = if parts == null then [ ] else (suggest { } (setOf language) module).nearMisses;
        in
        map (written language) (if found == [ ] then [ ] else [ (head found) ]);
      # Many people name a module of these as if it were a package.
      unnamed =
        language:
        let
          found = known (setOf language) name;
        in
        map (written language) (if found == [ ] then [ ] else [ (head found) ]);
      named = concatMap inLanguage languages;
    in
    if named != [ ] then
      named
    else
      concatMap unnamed (
        filter ({ set, ... }: set == "python3Packages" || set == "rubyPackages") languages
      );
}
