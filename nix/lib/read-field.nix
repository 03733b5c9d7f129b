/**
  Reads what a package says about itself. Where that cannot be evaluated, the image is still good.

  # Type

  ```
  readField :: String -> [ { attr, field } ] -> String -> String -> fallback -> value -> fallback | value
  ```

  `tryEval` catches what is thrown and what is asserted. Nothing in Nix catches any other error, such as a missing
  attribute, a wrong type, `abort` or infinite recursion: it ends the evaluation. The trace then has the package and the
  field in the words below, with a `marker` that no package set knows, so that none can write such a line. The program
  evaluates again with both in the list of what is `unreadable`. What ends Nix itself, such as an overflow of its stack
  in Nix 2.8, leaves no trace.
*/
marker: unreadable: attr: field: fallback: value:
let
  inherit (builtins)
    addErrorContext
    any
    deepSeq
    tryEval
    ;
  tried = tryEval (deepSeq value value);
in
if any (known: known.attr == attr && known.field == field) unreadable then
  fallback
else
  addErrorContext "while reading ${field} of the package '${attr}' (${marker})" (
    if tried.success then tried.value else fallback
  )
