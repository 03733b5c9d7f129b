/**
  What is told about a package: `{ attr, name, version, outPath, license, homepage, description }`.

  `license` is a list of SPDX identifiers, or of names where the set knows no identifier. What a package does not say, or
  says in a way that cannot be evaluated, is `null` (an empty list for `license`).
*/
{ attr, drv }:
let
  inherit (builtins)
    concatMap
    deepSeq
    head
    isAttrs
    isList
    isString
    parseDrvName
    tryEval
    ;

  # A package's `meta` is nobody's business but the reader's: where it throws, the image is still good.
  orElse =
    fallback: value:
    let
      tried = tryEval (deepSeq value value);
    in
    if tried.success then tried.value else fallback;

  stringOrNull = value: if isString value then value else null;
  firstString = value: if isList value && value != [ ] then stringOrNull (head value) else stringOrNull value;

  licenseName =
    license:
    if isString license then
      license
    else if isAttrs license then
      license.spdxId or license.shortName or license.fullName or null
    else
      null;

  licenses =
    value:
    concatMap (
      license:
      let
        name = licenseName license;
      in
      if isString name then [ name ] else [ ]
    ) (if isList value then value else [ value ]);

  field = name: read: orElse null (read (drv.meta.${name} or null));
  parsed = parseDrvName drv.name;
  text =
    fallback: value:
    let
      read = orElse null (stringOrNull value);
    in
    if read == null then fallback else read;
in
{
  inherit attr;
  inherit (drv) outPath;
  name = text parsed.name (drv.pname or null);
  version = text parsed.version (drv.version or null);
  license = orElse [ ] (licenses (drv.meta.license or null));
  homepage = field "homepage" firstString;
  description = field "description" stringOrNull;
}
