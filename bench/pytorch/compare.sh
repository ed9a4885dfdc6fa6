#!/usr/bin/env bash
# Training throughput of Linnet beside PyTorch: the same network, batch, threads and step, in turn,
# so that both meet the same state of the machine. Prints the medians and their ratio.
#
#   bench/pytorch/compare.sh [ROUNDS]      default 5
#
# THREADS (default 2), BATCH (128), STEPS (10 a round) may be set in the environment.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
rounds=${1:-5}
threads=${THREADS:-2} batch=${BATCH:-128} steps=${STEPS:-10}

scripts/install_deps.sh --bench
cmake --preset release >/dev/null
cmake --build --preset release --target bench_train >/dev/null
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for ((round = 1; round <= rounds; ++round)); do
  build/release/bench/bench_train --threads "$threads" --batch "$batch" --steps "$steps" |
    tee -a "$results"
  /usr/bin/python3 bench/pytorch/train_throughput.py \
    --threads "$threads" --batch "$batch" --steps "$steps" | tee -a "$results"
done
/usr/bin/python3 - "$results" <<'PYTHON'
import json
import statistics
import sys

rates = {}
parameters = set()
for line in open(sys.argv[1]):
    row = json.loads(line)
    rates.setdefault(row["program"].split()[0], []).append(row["images_per_second"])
    parameters.add(row["parameters"])
assert len(parameters) == 1, f"not the same network: {parameters} parameters"
ours, theirs = (statistics.median(rates[name]) for name in ("Linnet", "PyTorch"))
print(f"Linnet {ours:.0f} images/s, PyTorch {theirs:.0f} images/s, ratio {ours / theirs:.2f} "
      f"(medians of {len(rates['Linnet'])} rounds in turn)")
PYTHON
