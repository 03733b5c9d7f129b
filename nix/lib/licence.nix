/**
  What is told about a licence: its SPDX identifier, a name where the set knows no identifier, or an SPDX expression.

  # Type

  ```
  licence :: Any -> String | null
  ```

  Expressions are those of `lib.licenses` in nixpkgs: `licenses` joined by `AND` or `OR`, a `license` `WITH` an
  `exception`, and a `license` in this version or a later one (`+`). What has no name is `null`, and so is an expression
  with such a part.
*/
let
  inherit (builtins)
    concatStringsSep
    elem
    isAttrs
    isList
    isString
    ;

  operatorOf = license: if isAttrs license then license.operator or null else null;

  # In SPDX, AND binds closer than OR, and WITH and + closer than both.
  operand =
    outer: license:
    let
      inner = operatorOf license;
      text = licence license;
      isLooser = inner == "OR" || (inner == "AND" && outer != "AND");
    in
    if text != null && outer != "OR" && isLooser then "(${text})" else text;

  join =
    operator: licenses:
    let
      texts = map (operand operator) licenses;
    in
    if texts == [ ] || elem null texts then null else concatStringsSep " ${operator} " texts;

  named =
    license:
    let
      name = license.spdxId or license.shortName or license.fullName or null;
    in
    if isString name then name else null;

  licence =
    license:
    let
      operator = operatorOf license;
      parts = license.licenses or null;
    in
    if isString license then
      license
    else if !isAttrs license then
      null
    else if operator == "AND" || operator == "OR" || (operator == "WITH" && isList parts) then
      (if isList parts then join operator parts else null)
    else if operator == "WITH" then
      join operator [
        (license.license or null)
        (license.exception or null)
      ]
    else if operator == "+" then
      (
        let
          text = operand operator (license.license or null);
        in
        if text == null then null else "${text}+"
      )
    else
      named license;
in
licence
