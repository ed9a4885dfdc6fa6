#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; continuous integration calls this.
#
# The release build, its fast tests and the law of layers always run. The rest (sanitizers, long tests, the zoo, ARM64)
# runs in the order of LINNET_CHECK_STAGES as far as the time goes; the summary says what was left out.
#
# PyTorch is not installed for tests/parity: with what it draws in it takes nearly a gigabyte and more minutes
# than it is worth here. Where it is (scripts/install_deps.sh --parity), the zoo stage compares with it.
#
#   LINNET_CHECK_MINUTES   time for everything, building included (default 27)
#   LINNET_CHECK_STAGES    the late stages (default "asan tsan long zoo arm64")
#
# Exit code 0: everything that ran has passed.
set -uo pipefail
if (($#)); then
  sed -n '2,13s/^# \?//p' "$0" >&2
  exit 2
fi
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1

minutes=${LINNET_CHECK_MINUTES:-27}
stages=${LINNET_CHECK_STAGES:-asan tsan long zoo arm64}
logs=build/check
rm -rf "$logs" && mkdir -p "$logs"
summary=()
failed=0
# The thread sanitizer wants an address space that is not shuffled; containers may forbid that.
unshuffled=()
setarch -R true 2>/dev/null && unshuffled=(setarch -R)

left() { echo $((minutes * 60 - SECONDS)); }
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }
say() { echo "[$(clock $SECONDS)] $*"; }
note() { # stage, verdict, words
  summary+=("$(printf '%-8s %-9s %s' "$1" "$2" "$3")")
  say "$1: $2: $3"
  [[ $2 != FAILED ]] || failed=1
}
# Of a ctest log, what it says at the end.
closing() { sed -n '/% tests passed/,$p' "$1"; }

finish() {
  echo
  echo "== summary after $(clock $SECONDS), logs in $logs"
  printf '%s\n' "${summary[@]}"
  if [[ -s $logs/release.tests.log ]]; then
    echo "-- ctest on the release build, fast tests:"
    closing "$logs/release.tests.log"
  fi
  if ((failed)); then echo "check.sh: FAILED"; else echo "check.sh: passed"; fi
  exit "$failed"
}

# run STAGE LOG SECONDS COMMAND...: 124 when the time ran out; SECONDS 'all' means no limit.
run() {
  local log=$logs/$2 seconds=$3
  shift 3
  if [[ $seconds == all ]]; then
    seconds=0
  elif ((seconds < 1)); then
    : >"$log"
    return 124
  fi
  timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1
}

# build STAGE PRESET SECONDS: false, with a note, if it did not come to an end.
build() {
  local log=$1.build.log code
  say "$1: building"
  run "$1" "$log" "$3" "${under[@]}" bash -c "cmake --preset $2 && cmake --build --preset $2"
  code=$?
  ((code)) || return 0
  if grep -q 'ThreadSanitizer: unexpected memory mapping' "$logs/$log"; then
    note "$1" "left out" "the thread sanitizer does not know this kernel's address layout"
  elif ((code == 124)); then
    note "$1" "left out" "there was no time to finish its build"
  else
    grep -E 'error|FAILED|Error' "$logs/$log" | head -n 40
    note "$1" FAILED "it does not build; see $logs/$log"
  fi
  return 1
}

# tests STAGE PRESET LABEL SECONDS: prints what is not a pass.
tests() {
  local log=$1.tests.log code count skipped
  say "$1: testing"
  run "$1" "$log" "$4" "${under[@]}" \
    ctest --preset "$2" -L "^$3\$" --no-tests=error -j "$(nproc)" --timeout 900
  code=$?
  grep -vE '^ *Start +[0-9]+:|Test +#[0-9]+: .* Passed ' "$logs/$log"
  count=$(grep -cE 'Test +#[0-9]+: .* Passed ' "$logs/$log")
  skipped=$(grep -cE 'Test +#[0-9]+: .*\*\*\*Skipped ' "$logs/$log")
  if ((code == 0)); then
    note "$1" passed "$(grep -m1 '% tests passed' "$logs/$log"); $skipped of them skipped"
  elif ((code == 124)) && ! grep -qE '\*\*\*(Failed|Exception|Timeout)' "$logs/$log"; then
    note "$1" "cut short" "there was no time for all of it; $count tests passed, none failed"
  else
    note "$1" FAILED "$(grep -m1 '% tests passed' "$logs/$log"); see $logs/$log"
  fi
}

layers() {
  if python3 scripts/layers.py; then
    note layers passed "no include goes up or sideways"
  else
    note layers FAILED "see above"
  fi
}

sanitize() { # preset
  under=()
  [[ $1 == tsan ]] && under=("${unshuffled[@]}")
  build "$1" "$1" "$(left)" && tests "$1" "$1" fast "$(left)"
  under=()
}

arm64() {
  local code
  say "arm64: building and testing under emulation"
  run arm64 arm64.log "$(left)" scripts/check_arm64.sh
  code=$?
  case $code in
    0) note arm64 passed "$(grep -m1 '% tests passed' "$logs/arm64.log")" ;;
    77) note arm64 "left out" "$(tail -n 1 "$logs/arm64.log")" ;;
    124) note arm64 "cut short" "there was no time to finish" ;;
    *)
      tail -n 40 "$logs/arm64.log"
      note arm64 FAILED "see $logs/arm64.log"
      ;;
  esac
}

late() { # stage
  if (($(left) < 60)); then
    note "$1" "left out" "the $minutes minutes of LINNET_CHECK_MINUTES are used up"
    return
  fi
  case $1 in
    asan | tsan) sanitize "$1" ;;
    long | zoo) tests "$1" release "$1" "$(left)" ;;
    arm64) arm64 ;;
    *) note "$1" FAILED "LINNET_CHECK_STAGES: there are asan tsan long zoo arm64" ;;
  esac
}

under=()
say "packages"
scripts/install_deps.sh || {
  note packages FAILED "could not install what is missing"
  finish
}
build release release all || finish
tests release release fast all
layers
for stage in $stages; do late "$stage"; done
finish
