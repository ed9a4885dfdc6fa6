#!/usr/bin/env bash
# The examples run, the README's code is theirs, and the README's commands are understood.
#
#   examples_test.sh BUILD_DIR WORK_DIR
set -euo pipefail
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
build=$1 work=$2
linnet=$build/src/linnet
cmake --build "$build" --target linnet example_classify example_classify_c >/dev/null
rm -rf "$work" && mkdir -p "$work"

fail() {
  echo "examples_test: $*"
  exit 1
}

# A model that has seen next to nothing, and a picture.
"$linnet" data make shapes --out "$work/shapes" --count 100 --size 32
"$linnet" train mobilenet_v1 --width 0.25 --data "$work/shapes" --epochs 1 --batch 16 \
  --out "$work/run"
model=$work/run/best.safetensors
picture=$(find "$work/shapes/test" -name '*.png' | sort | head -n 1)

echo "-- C++"
"$build/examples/example_classify" "$model" "$picture" | tee "$work/cc"
grep -qE ': [a-z]+ \([0-9.]+ %\)$' "$work/cc" || fail "classify: unexpected output"
"$build/examples/example_classify" "$work/none" "$picture" && fail "classify: no error"
echo "-- C"
"$build/examples/example_classify_c" "$model" "$picture" | tee "$work/c"
[[ $(wc -l <"$work/c") == 3 ]] || fail "classify_c: expected three labels"
# The same answer as the command line's.
best=$("$linnet" predict --model "$model" "$picture" --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["labels"][0]["label"])')
grep -q ": $best (" "$work/cc" || fail "classify and predict disagree: $best"
grep -qE " $best\$" <(head -n 1 "$work/c") || fail "classify_c and predict disagree: $best"

echo "-- README"
sed -n '/^  \/\/ README:/,/^  \/\/ :README/p' "$root/examples/classify.cc" | sed '1d;$d' >"$work/code"
python3 - "$root/README.md" "$work/code" <<'PYTHON' || fail "README.md does not show the code of examples/classify.cc"
import sys
readme, code = (open(name).read() for name in sys.argv[1:])
sys.exit(code not in readme)
PYTHON
