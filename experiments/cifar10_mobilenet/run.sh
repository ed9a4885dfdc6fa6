#!/usr/bin/env bash
# Trains mobilenet_v1 of width 0.5 on CIFAR-10 for 30 epochs and writes results.csv. A seed that is already
# there is not trained again; a run that was interrupted goes on where it was.
#
#   LINNET_DATA   folder with cifar10/ (default ../shared/data beside the repository)
#   OUT           where the runs go (default runs/cifar10_mobilenet)
#   EPOCHS        default 30;  SEEDS  default "1"
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "cifar10" "width,seed,epochs,top1,top5"
epochs=${EPOCHS:-30}
data+=/cifar10

for seed in ${SEEDS:-1}; do
  run=0.5,$seed,$epochs
  grep -q "^$run," "$results" && continue
  scores=$("$linnet" train mobilenet_v1 --width 0.5 --data "$data" --epochs "$epochs" --seed "$seed" \
    --out "$out/seed$seed-$epochs" --json |
    python3 -c 'import json, sys; run = json.load(sys.stdin); assert run["split"] == "test"; print(run["top1"], run["top5"], sep=",")')
  echo "$run,$scores" >>"$results"
done
