#!/usr/bin/env bash
# Trains small MobileNets on CIFAR-10, brings them to int8 without training, and writes results.csv. A network
# that is already there is not trained again; a run that was interrupted goes on where it was.
#
#   LINNET_DATA   folder with cifar10/ (default ../shared/data beside the repository)
#   OUT           where the runs go (default runs/cifar10_int8)
#   EPOCHS        default 4
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "cifar10" "network,width,epochs,float32,int8,drop,calibration,equalized,float_layers"
epochs=${EPOCHS:-4}
mkdir -p "$out"
data+=/cifar10

while read -r network width; do
  run=$network,$width,$epochs
  folder=$out/$network-$width-$epochs
  grep -q "^$run," "$results" && continue
  "$linnet" train "$network" --width "$width" --data "$data" --epochs "$epochs" --seed 1 --out "$folder" \
    --json >"$folder.json"
  "$linnet" compress --int8 --model "$folder/best.safetensors" --data "$data" \
    --out "$folder.int8.safetensors" --json |
    python3 -c 'import json, sys; r = json.load(sys.stdin); print(sys.argv[1], r["before"]["top1"], r["after"]["top1"],
      round(r["drop_points"], 2), r["calibration"], r["equalized"], len(r["float_layers"]), sep=",")' "$run" >>"$results"
done <<NETWORKS
mobilenet_v3_small 0.5
mobilenet_v2 0.25
mobilenet_v1 0.25
NETWORKS
