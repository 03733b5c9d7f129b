/**
  The few functions on strings that builtins lacks.
*/
let
  inherit (builtins)
    filter
    genList
    isString
    replaceStrings
    split
    stringLength
    substring
    ;
  characters = text: genList (i: substring i 1 text) (stringLength text);
in
{
  inherit characters;

  /**
    The text with its ASCII letters in lower case.
  */
  toLower = replaceStrings (characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (
    characters "abcdefghijklmnopqrstuvwxyz"
  );

  /**
    The parts of an attribute path: `"a.b"` gives `[ "a" "b" ]`.
  */
  splitPath = path: filter isString (split "\\." path);
}
