#!/usr/bin/env bash
# Installs the Debian packages of the test world that are missing. A program that is there already is used as it is.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

declare -A package_of=(
  [dockerd]=docker.io
  [docker-registry]=docker-registry
  [bash-static]=bash-static
  [bsdtar]=libarchive-tools
  [busybox]=busybox
  [cargo]=cargo
  [clang-14]=clang-14
  [containerd]=containerd
  [file]=file
  [gcc]=gcc
  [git]=git
  [nix-store]=nix-bin
  [openssl]=openssl
  [patchelf]=patchelf
  [pigz]=pigz
  [podman]=podman
  [ps]=procps
  [runc]=runc
  [skopeo]=skopeo
  [sshd]=openssh-server
  [strace]=strace
  [sudo]=sudo
  [tar2sqfs]=squashfs-tools-ng
  [umoci]=umoci
  [update-ca-certificates]=ca-certificates
  [wasm-ld-14]=lld-14
  [xz]=xz-utils
  [zstd]=zstd
)

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These programs are missing, and there is no apt-get to install them with: ${missing[*]} (names of Debian packages)." >&2
  exit 1
fi
as_root=()
if ((EUID != 0)); then
  if ! sudo -n true 2>/dev/null; then
    echo "These Debian packages are missing, and only root may install them: run 'apt-get install ${missing[*]}' as root." >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]} …"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install ${missing[*]}; the log is in $log." >&2
  exit 1
fi
rm "$log"
echo "installed in $SECONDS s"
