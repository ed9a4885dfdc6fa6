#!/usr/bin/env bash
# Trains the members of members.csv, one of each family, and writes results.csv and the table of
# README.md. A run that is already in results.csv is not made again.
#
#   run.sh [FAMILY...]   only these; default: all
#
#   LINNET_DATA   folder with cifar10/ and mnist/ (default ../shared/data beside the repository)
#   OUT           where the runs go (default runs/zoo_learns)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "cifar10 mnist" "family,arch,data,batch,steps,lr,pipeline,top1,chance"

for family in "$@"; do
  grep -q "^$family," "$here/members.csv" || { echo "run.sh: members.csv has no family '$family'" >&2; exit 2; }
done
while IFS=';' read -r family arch set batch steps lr pipeline; do
  [[ $# == 0 || " $* " == *" $family "* ]] || continue
  python3 "$here/table.py" --has "$results" "$family" "$arch" "$set" "$batch" "$steps" "$lr" "$pipeline" && continue
  echo "== $family: $arch on $set, $steps steps of $batch"
  augment=()  # changes to augmentation and pipeline
  [[ $set == mnist ]] && augment=(--augment crop=center,flip=0)
  [[ -n $pipeline ]] && augment+=(--pipeline "$pipeline")
  top1=$("$linnet" train --data "$data/$set" --arch "$arch" --batch "$batch" --steps "$steps" \
    --lr "$lr" --threads 1 "${augment[@]}" --out "$out/$family-$set-$batch-$steps-$lr-$(cksum <<<"$arch;$pipeline" | cut -d' ' -f1)" --json |
    python3 -c 'import json, sys; run = json.load(sys.stdin); assert run["split"] == "test"; print(run["top1"])')
  python3 "$here/table.py" --add "$results" "$family" "$arch" "$set" "$batch" "$steps" "$lr" "$pipeline" "$top1" 0.1
done < <(python3 "$here/table.py" --members "$here/members.csv")
"$linnet" archs --json | python3 "$here/table.py" "$here/members.csv" "$results" "$here/README.md"
