#!/usr/bin/env bash
# Trains every variant of mnist_cnn with three seeds and writes results.csv and the table of
# README.md. A run that is already in results.csv is not made again.
#
#   LINNET_DATA   folder with mnist/ (default ../shared/data beside the repository)
#   OUT           where the runs go (default runs/mnist_depthwise)
#   EPOCHS        default 5;  SEEDS  default "1 2 3"
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "mnist" "conv,bn,seed,epochs,top1"
epochs=${EPOCHS:-5}
data+=/mnist

for conv in plain depthwise_full depthwise; do
  for bn in false true; do
    for seed in ${SEEDS:-1 2 3}; do
      run=$conv,$bn,$seed,$epochs
      grep -q "^$run," "$results" && continue
      folder=$out/${run//,/_}
      echo "== conv=$conv bn=$bn seed=$seed"
      top1=$("$linnet" train --data "$data" --arch "mnist_cnn:conv=$conv,bn=$bn" --epochs "$epochs" \
        --seed "$seed" --lr 0.02 --augment crop=center,flip=0 --out "$folder" --json |
        python3 -c 'import json, sys; run = json.load(sys.stdin); assert run["split"] == "test"; print(run["top1"])')
      echo "$run,$top1" >>"$results"
    done
  done
done
python3 "$here/table.py" "$results" "$here/README.md"
