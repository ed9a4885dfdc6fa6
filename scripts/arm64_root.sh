#!/usr/bin/env bash
# Makes a folder with the ARM64 libraries that Linnet needs, unpacked from Debian's packages, to be
# compiled against and to run programs in under qemu-aarch64. It asks for no rights and changes
# nothing of this system.
#
#   scripts/arm64_root.sh FOLDER
set -euo pipefail
if (($# != 1)); then
  sed -n '2,6s/^# \?//p' "$0" >&2
  exit 2
fi
mkdir -p "$1"
root=$(readlink -f "$1")
[[ -e $root/.complete ]] && exit 0

packages=(
  libc6-dev libhwy-dev libfmt-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libgif-dev libarchive-dev zlib1g-dev libprotobuf-dev
)
apt=$root.apt
mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
: >"$apt/status"
options=(
  -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User="$(id -un)"
  -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
  -o Binary::apt::APT::Keep-Downloaded-Packages=true -o APT::Keep-Downloaded-Packages=true
)
apt-get "${options[@]}" update
apt-get "${options[@]}" install -y --no-install-recommends --download-only "${packages[@]}"
for package in "$apt"/cache/archives/*.deb; do
  dpkg-deb --extract "$package" "$root"
done
rm -rf "$apt"
# Links to absolute paths lead out of the folder: make them relative.
find "$root" -type l | while read -r link; do
  target=$(readlink "$link")
  if [[ $target == /* && -e $root$target ]]; then
    ln -sfn "$(realpath --relative-to="$(dirname "$link")" "$root$target")" "$link"
  fi
done
touch "$root/.complete"
