#!/usr/bin/env bash
# Runs `test [FILE …]` or `demo` on a machine that may have nothing but Node and npm: installs the project's packages, Node 24
# (the runner's, from npm) and the Debian packages of the test world, and says what is missing where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -d node_modules || ! -d .cache/test-world ]]; then
  echo 'The first run installs npm and Debian packages, and makes a Nix and a package set in .cache/; all are kept for later runs.'
fi
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo 'Installing npm packages …'
  npm ci --loglevel=error
  echo "installed in $SECONDS s"
fi
export PATH="$PWD/node_modules/.bin:$PATH"
if ! node --version | grep -q '^v24\.'; then
  echo "Node 24 is not in node_modules for this machine ($(uname -s) $(uname -m)); it is there for Linux on x64 and arm64." >&2
  exit 1
fi

bash test/install-packages.sh

# Nix without a daemon, containers and Docker's engine want to be root. A cargo of rustup's is then still the user's, and
# Node the one from above: sudo looks for programs in folders of its own.
as_root=()
if ((EUID != 0)); then as_root=(sudo --preserve-env=CI "PATH=$PATH" "RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}"); fi
exec "${as_root[@]}" "$(command -v node)" "test/run/$1.ts" "${@:2}"
