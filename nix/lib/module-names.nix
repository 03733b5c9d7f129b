/**
  What may be meant by the name of a module, as one of python3Packages.

  # Type

  ```
  isThere :: AttrSet -> String -> Bool
  suggest :: pkgs -> set -> String -> { name, nearMisses, isPackage }
  asModule :: pkgs -> String -> [String]
  ```

  `suggest` is for a name that a set of modules does not have: at most three others of the set, and whether it is a
  package by itself.

  `asModule` is for a name that is no package: `numpy` and Debian's `python3-numpy` give
  `[ "python3.withPackages(numpy)" ]`, and `r-cran-ggplot2` gives `[ "R.withPackages(ggplot2)" ]`.
*/
let
  inherit (builtins)
    attrNames
    concatMap
    elemAt
    filter
    head
    isAttrs
    match
    replaceStrings
    ;
  inherit (import ./text.nix) joinPath splitPath toLower;
  inherit (import ./find.nix) hasPackage walk;
  inherit (import ./first.nix) firstOf holds;
  nearMisses = import ./near-misses.nix;

  without =
    regex: name:
    let
      parts = match regex name;
    in
    if parts == null then [ ] else [ (elemAt parts 0) ];

  # Of PyPI's and Debian's names, many differ from those of a set by one of these.
  respelt =
    name:
    map toLower (
      [
        name
        (replaceStrings [ "." ] [ "-" ] name)
        (replaceStrings [ "." ] [ "_" ] name)
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
    Crypto = "pycryptodome";
    cv2 = "opencv4";
    git = "gitpython";
    MySQLdb = "mysqlclient";
    opencv-python = "opencv4";
    opencv-python-headless = "opencv4";
    PIL = "pillow";
    pytorch = "torch";
    skimage = "scikit-image";
    sklearn = "scikit-learn";
  };

  # `named` is how Debian and Alpine name modules.
  languages = [
    {
      named = "(python3?-|py3-)(.+)";
      set = "python3Packages";
      function = "python3.withPackages";
    }
    {
      named = "(lib)(.+)-perl";
      set = "perlPackages";
      function = "perl.withPackages";
    }
    {
      named = "(ruby-)(.+)";
      set = "rubyPackages";
      function = "ruby.withPackages";
    }
    {
      named = "(lua[0-9.]*-)(.+)";
      set = "luaPackages";
      function = "lua.withPackages";
    }
    {
      named = "(r-cran-|r-)(.+)";
      set = "rPackages";
      function = "R.withPackages";
    }
    {
      named = "(php[0-9.]*-)(.+)";
      set = "phpExtensions";
      function = "php.withExtensions";
    }
  ];
in
rec {
  isThere = set: holds (name: (walk set (splitPath name)).missing == [ ]);

  suggest =
    pkgs: set: name:
    let
      known = filter (isThere set) (
        (if otherNames ? ${name} then [ otherNames.${name} ] else [ ]) ++ respelt name
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

  asModule =
    pkgs: name:
    let
      setNamed = name: if holds (name: isAttrs (pkgs.${name} or null)) name then pkgs.${name} else { };
      written =
        { set, function, ... }:
        module:
        let
          modules = setNamed set;
          found = if isThere modules module then [ module ] else (suggest { } modules module).nearMisses;
        in
        if modules == { } || found == [ ] then [ ] else [ "${function}(${head found})" ];
      inLanguage =
        language:
        let
          parts = match language.named name;
        in
        if parts == null then [ ] else written language (elemAt parts 1);
      python = head languages;
    in
    # Python's modules are the only ones that people name as if they were packages.
    concatMap inLanguage languages
    ++ (if isThere (setNamed python.set) name then [ "${python.function}(${name})" ] else [ ]);
}
