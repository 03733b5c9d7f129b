# Writes the symlink layer and the description of the image; run by build-image.nix with structured attributes.
set -euo pipefail
shopt -s dotglob nullglob
export LC_ALL=C
umask 022

# In the working directory and not where NIX_ATTRS_SH_FILE says: before Nix 2.9 that is the path outside of the sandbox.
source .attrs.sh
attributes=$PWD/.attrs.json
export PATH=$toolPath

forest=$PWD/forest
conflicts=$PWD/conflicts
mkdir "$forest"
: >"$conflicts"

# Sets REPLY to the text as a JSON string, without starting a process. File names hold any byte but 0 and the slash.
json_string() {
  local text=${1//\\/\\\\} i hex character
  text=${text//\"/\\\"}
  if [[ $text == *[[:cntrl:]]* ]]; then
    for ((i = 1; i < 32; i++)); do
      printf -v hex '%02x' "$i"
      printf -v character "\\x$hex"
      text=${text//"$character"/"\\u00$hex"}
    done
  fi
  REPLY="\"$text\""
}

# report_conflict PATH WINNER LOSER
report_conflict() {
  local separator=, path winner
  [[ -s $conflicts ]] || separator=
  json_string "$1"
  path=$REPLY
  json_string "$2"
  winner=$REPLY
  json_string "$3"
  printf '%s{"path":%s,"winner":%s,"loser":%s}' "$separator" "$path" "$winner" "$REPLY" >>"$conflicts"
}

# Whether a directory may be opened and merged with others of its name. What is behind a link may where it is in the store,
# and so the same on every machine; but not a directory above the link (tzdata has `posix -> .`), which would be opened
# for ever.
may_open() {
  [[ -d $1 ]] || return 1
  [[ -L $1 ]] || return 0
  local target above=$1
  target=$(readlink --canonicalize-existing -- "$1") || return 1
  [[ $target == "$NIX_STORE"/* ]] || return 1
  while [[ $above == "$NIX_STORE"/*/* ]]; do
    above=${above%/*}
    [[ $1 -ef $above ]] && return 1
  done
  return 0
}

# merge PATH SOURCE...
# Fills the directory PATH of the forest (empty for its root) from the directories SOURCE. What only one of them has is a
# link, or a real directory where it is one; directories of the same name are merged; of anything else the first wins.
merge() {
  local path=$1 source entry name i
  shift
  local -a names=() links=() dirs=()
  local -A candidates=()
  for source in "$@"; do
    for entry in "$source"/*; do
      name=${entry##*/}
      [[ -z $path && $name == nix-support ]] && continue
      [[ -n ${candidates[$name]-} ]] || names+=("$name")
      # A slash cannot be in a name, so two of them separate the entries.
      candidates[$name]+=//$entry
    done
  done

  for name in ${names[@]+"${names[@]}"}; do
    local rest=${candidates[$name]} first=
    dirs=()
    while [[ -n $rest ]]; do
      rest=${rest#//}
      entry=${rest%%//*}
      rest=${rest#"$entry"}
      if [[ -z $first ]]; then
        first=$entry
        if [[ -z $rest ]]; then
          # Nobody else has it, so a link to a directory can stay a link; but right under the root, where the base layer
          # puts files into directories.
          if [[ ! -L $entry && -d $entry ]] || [[ -z $path ]] && may_open "$entry"; then
            dirs=("$entry")
          else
            links+=("$entry")
          fi
        elif may_open "$entry"; then
          dirs=("$entry")
        else
          links+=("$entry")
        fi
      elif ((${#dirs[@]})) && may_open "$entry"; then
        dirs+=("$entry")
      elif [[ ! $entry -ef $first ]]; then
        report_conflict "$path/$name" "$first" "$entry"
      fi
    done
    if ((${#dirs[@]} == 1)) && [[ ! -L ${dirs[0]} ]]; then
      # Nobody else has anything in it: one process for all that is below.
      cp --recursive --symbolic-link --no-preserve mode --no-target-directory -- "${dirs[0]}" "$forest$path/$name"
    elif ((${#dirs[@]})); then
      mkdir "$forest$path/$name"
      merge "$path/$name" "${dirs[@]}"
    fi
  done

  # One process for every thousand links, and not for each.
  for ((i = 0; i < ${#links[@]}; i += 1000)); do
    ln -s -t "$forest$path/" -- "${links[@]:i:1000}"
  done
}

# Whether anything in a directory could be linked. The first file answers it, so that few directories are read.
has_files() {
  local entry
  for entry in "$1"/*; do
    [[ ${2-} == root && ${entry##*/} == nix-support ]] && continue
    if [[ -L $entry || ! -d $entry ]] || has_files "$entry"; then return 0; fi
  done
  return 1
}

sources=()
without_files=
for root in ${linked[@]+"${linked[@]}"}; do
  # A package may be a single file; it has nothing to link.
  if may_open "$root"; then sources+=("$root"); fi
  if ! may_open "$root" || ! has_files "$root" root; then without_files+=",\"$root\""; fi
done
merge '' ${sources[@]+"${sources[@]}"}

# The same rules as for every layer: by code unit and depth first, mtime 1, no owner's name, PAX headers only where
# something does not fit, and those without the process's number in their name.
layer=${outputs[symlinkLayer]}
(cd "$forest" && printf '%s\0' *) |
  tar --create --file "$layer" --directory "$forest" --null --verbatim-files-from --files-from - \
    --format posix --pax-option 'exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' \
    --sort name --mtime @1 --owner 0 --group 0 --numeric-owner
size=$(stat --format %s "$layer")
sha256=$(sha256sum "$layer")

{
  printf '{"symlinkLayer":{"path":"%s","size":%s,"sha256":"%s"},"conflicts":[' "$layer" "$size" "${sha256%% *}"
  cat "$conflicts"
  printf '],"withoutFiles":[%s],"packages":%s,' "${without_files#,}" "$packagesJSON"
  # The graph and the roots are attributes of this derivation already.
  tail --bytes +2 "$attributes"
} >"${outputs[out]}"
