/**
  The outputs of a package whose files are linked.

  # Type

  ```
  outputs :: { drv, chosen, toInstall } -> [ { name, path } ]
  ```

  The default output is the first. A package that was `chosen` by its output (`curl.dev`) is that output alone.
  Otherwise those `toInstall` follow, which is `meta.outputsToInstall`, and `out`. Where a package has its programs in
  another output, `out` has the rest that they look for in the root, as fontconfig has /etc/fonts.

  Names that are no output are left out: a wrapper has the `meta` of what it wraps, and may have one output only.
*/
{
  drv,
  chosen,
  toInstall,
}:
let
  inherit (builtins)
    any
    elem
    filter
    foldl'
    isAttrs
    isList
    isString
    ;

  asList = value: if isList value then value else [ ];
  names = filter isString (asList (drv.outputs or [ ]));
  isOutput = name: elem name names && isAttrs (drv.${name} or null) && drv.${name} ? outPath;

  default = {
    name = if isString (drv.outputName or null) then drv.outputName else "out";
    path = drv.outPath;
  };
  others =
    if chosen || drv.outputSpecified or false == true then
      [ ]
    else
      map (name: {
        inherit name;
        path = drv.${name}.outPath;
      }) (filter isOutput (asList toInstall ++ [ "out" ]));
in
foldl' (
  list: output:
  if any (known: known.name == output.name || known.path == output.path) list then
    list
  else
    list ++ [ output ]
) [ default ] others
