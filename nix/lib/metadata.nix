/**
  What is told about a package: `{ attr, name, version, outPath, license, homepage, description }`.

  `license` is a list of what `licence.nix` gives. What a package does not say, or says in a way that cannot be
  evaluated, is `null` (an empty list for `license`). `read` is that of `read-field.nix`, for the package.
*/
{
  attr,
  drv,
  read,
}:
let
  inherit (builtins)
    filter
    head
    isList
    isString
    parseDrvName
    ;
  licence = import ./licence.nix;

  stringOrNull = value: if isString value then value else null;
  firstString = value: if isList value && value != [ ] then stringOrNull (head value) else stringOrNull value;
  licenses = value: filter isString (map licence (if isList value then value else [ value ]));

  parsed = parseDrvName drv.name;
  orElse = fallback: value: if value == null then fallback else value;
in
{
  inherit attr;
  inherit (drv) outPath;
  name = orElse parsed.name (read "pname" null (stringOrNull (drv.pname or null)));
  version = orElse parsed.version (read "version" null (stringOrNull (drv.version or null)));
  license = read "meta.license" [ ] (licenses (drv.meta.license or null));
  homepage = read "meta.homepage" null (firstString (drv.meta.homepage or null));
  description = read "meta.description" null (stringOrNull (drv.meta.description or null));
}
