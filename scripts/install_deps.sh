#!/usr/bin/env bash
# Installs, from Debian's own packages, what is missing to build and test Linnet. Where nothing is
# missing it does nothing and needs no rights.
#
#   scripts/install_deps.sh            build and test
#   scripts/install_deps.sh --bench    also PyTorch, for bench/pytorch and bench/peers
#   scripts/install_deps.sh --cross    also the ARM64 compiler and emulator, for check_arm64.sh
#   scripts/install_deps.sh --fuzz     also clang, for its fuzzer
#   scripts/install_deps.sh --parity   also PyTorch and torchvision, for tests/parity
#   scripts/install_deps.sh --list     prints the packages and installs nothing
set -euo pipefail

packages=(
  # tools
  g++ cmake ninja-build pkg-config python3
  # vectors: all that the deployed runtime links
  libhwy-dev
  # pictures and archives
  libjpeg62-turbo-dev libpng-dev libwebp-dev libgif-dev libarchive-dev zlib1g-dev
  # ONNX files
  libprotobuf-dev protobuf-compiler libonnx-dev
  # JSON, text
  nlohmann-json3-dev libfmt-dev
  # tests
  libgtest-dev libgmock-dev python3-pil
)

list=0
for argument in "$@"; do
  case $argument in
    --bench) packages+=(python3-torch python3-numpy python3-protobuf libopenblas0) ;;
    --cross) packages+=(g++-aarch64-linux-gnu qemu-user) ;;
    --fuzz) packages+=(clang) ;;
    --parity) packages+=(python3-torch python3-torchvision python3-numpy) ;;
    --list) list=1 ;;
    *)
      echo "install_deps.sh: unknown argument '$argument'; there are --bench --cross --fuzz --parity --list" >&2
      exit 2
      ;;
  esac
done
if ((list)); then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_deps.sh: this is not Debian, so I cannot install packages here." >&2
  echo "Linnet is built on Debian 12; it needs what these packages hold: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null || true)
  grep -qx installed <<<"$status" || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps.sh: packages are missing and there is no sudo. As root, please run:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install_deps.sh: installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}"
