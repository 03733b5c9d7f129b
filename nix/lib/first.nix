/**
  Looks for what passes a test that may throw.
*/
let
  inherit (builtins) head tail tryEval;
in
rec {
  /**
    Whether the value passes. One whose test throws does not.
  */
  holds =
    test: value:
    let
      tried = tryEval (test value);
    in
    tried.success && tried.value;

  /**
    The first `count` of a list that pass. A test may evaluate a package, so that only the first `most` are tested.
  */
  firstOf =
    count: most: test: list:
    if count == 0 || most == 0 || list == [ ] then
      [ ]
    else if test (head list) then
      [ (head list) ] ++ firstOf (count - 1) (most - 1) test (tail list)
    else
      firstOf count (most - 1) test (tail list);
}
