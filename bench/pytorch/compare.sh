#!/usr/bin/env bash
# Training throughput of Linnet beside PyTorch: the same network, batch and threads, in turn, so that
# both meet the same state of the machine. Prints the medians and their ratio.
#
#   bench/pytorch/compare.sh [ROUNDS]      default 5
#
# THREADS (default 2), BATCH (128) and STEPS (10 a round) may be set in the environment. Linnet's step
# also smooths labels and averages weights, as `linnet train` does by default; PyTorch's does not.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
rounds=${1:-5}
threads=${THREADS:-2} batch=${BATCH:-128} steps=${STEPS:-10}

scripts/install_deps.sh --bench
cmake --preset release >/dev/null
cmake --build --preset release --target bench_train >/dev/null

ours=() theirs=()
for ((round = 1; round <= rounds; ++round)); do
  rate=$(build/release/bench/bench_train --threads "$threads" --batch "$batch" --steps "$steps" \
    --rounds 1 | awk '/^median:/ {print $2}')
  ours+=("$rate")
  line=$(/usr/bin/python3 bench/pytorch/train_throughput.py --threads "$threads" --batch "$batch" \
    --steps "$steps")
  rate=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["images_per_second"])' "$line")
  theirs+=("$rate")
  printf 'round %d: Linnet %.0f, PyTorch %.0f images/s\n' "$round" "${ours[-1]}" "${theirs[-1]}"
done
echo "PyTorch: $line"

median() { printf '%s\n' "$@" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
awk -v a="$(median "${ours[@]}")" -v b="$(median "${theirs[@]}")" -v n="$rounds" 'BEGIN {
  printf "medians of %d rounds: Linnet %.0f, PyTorch %.0f images/s, ratio %.2f\n", n, a, b, a / b }'
