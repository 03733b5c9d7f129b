/**
  The few functions on strings that builtins lacks.
*/
let
  inherit (builtins)
    concatMap
    concatStringsSep
    filter
    genList
    head
    isList
    isString
    match
    replaceStrings
    split
    stringLength
    substring
    ;
  characters = text: genList (i: substring i 1 text) (stringLength text);
  upperLetters = characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lowerLetters = characters "abcdefghijklmnopqrstuvwxyz";

  # A quoted part gives a list of what is between the quotes, and all else a string.
  pieces = split "\"([^\"]*)\"";
in
{
  inherit characters;

  /**
    The text with its ASCII letters in lower case.
  */
  toLower = replaceStrings upperLetters lowerLetters;

  /**
    The text with its ASCII letters in upper case.
  */
  toUpper = replaceStrings lowerLetters upperLetters;

  /**
    The parts of an attribute path: `"a.b"` gives `[ "a" "b" ]`, and `"a.\"b.c\""` gives `[ "a" "b.c" ]`.
  */
  splitPath =
    path:
    concatMap (
      piece:
      if isList piece then [ (head piece) ] else filter (part: isString part && part != "") (split "\\." piece)
    ) (pieces path);

  /**
    The attribute path with these parts, as `packages` takes it.
  */
  joinPath =
    parts:
    concatStringsSep "." (
      map (part: if match "[a-zA-Z0-9_][a-zA-Z0-9_'-]*" part == null then "\"${part}\"" else part) parts
    );
}
