#!/usr/bin/env bash
# From a fresh clone to a right-sized, trained, verified model: installs what is missing, builds, makes
# the built-in pictures, fits a network to a latency budget on this machine, and shows how to use it.
#
#   scripts/demo.sh [FOLDER]      where all of it goes: a new folder; default runs/demo, made anew
#
# Building apart, it takes less than five minutes on two cores.
set -euo pipefail
if (($# > 1)) || [[ ${1:-} == -* ]]; then
  sed -n '2,7s/^# \?//p' "$0" >&2
  exit 2
fi
folder=${1:+$(realpath -m -- "$1")}
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
out=${folder:-runs/demo}
(($#)) || rm -rf "$out"
if [[ -e $out ]]; then
  echo "demo.sh: $out is there already; please name a folder that is not" >&2
  exit 2
fi
linnet=build/release/src/linnet

step() { printf '\n== %s\n' "$*"; }
run() {
  echo "\$ linnet $*"
  "$linnet" "$@"
}

step "packages"
scripts/install_deps.sh
echo "all there"

step "build (the first time takes some minutes)"
cmake --preset release >/dev/null
cmake --build --preset release --target linnet
started=$SECONDS

step "pictures: ten kinds of shape, drawn by linnet itself"
mkdir -p "$out"
run data make shapes --out "$out/shapes"

step "fit: the best network that answers within 1 ms here"
run fit --data "$out/shapes" --latency 1ms --minutes 3 --out "$out/fit"

step "the delivered file, on a picture it has not seen"
picture=$(find "$out/shapes/val" "$out/shapes/test" -type f 2>/dev/null | sort | tail -n 1)
run predict --model "$out/fit/model.safetensors" "$picture"

step "done in $((SECONDS - started)) s, building apart"
cat <<END
The report (open it in a browser):
  $(readlink -f "$out/fit/report.html")

From the command line:
  $linnet predict --model $out/fit/model.safetensors PICTURE...
  $linnet eval    --model $out/fit/model.safetensors --data $out/shapes
  $linnet time    --model $out/fit/model.safetensors

From C++ (examples/classify.cc; after cmake --build --preset release --target installed &&
cmake --install build/release --prefix DIR):
$(sed -n '/\/\/ README:/,/\/\/ :README/p' examples/classify.cc | sed '1d;$d')

Your own pictures, one folder per class under train/ and val/:
  $linnet fit --data YOUR_FOLDER --latency 1ms --minutes 30 --out runs/mine
END
