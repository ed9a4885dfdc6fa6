#!/usr/bin/env bash
# Lets `linnet fit` choose and train a MobileNet V1 for CIFAR-10 within each latency budget, and writes
# results.csv. A budget that is already there with as many minutes is not run again. Wants a machine with nothing else
# to do: what the minutes can train is a part of the choice.
#
#   LINNET_DATA   folder with cifar10/ (default ../shared/data beside the repository)
#   OUT           where the runs go (default runs/cifar10_fit)
#   BUDGETS       milliseconds, default "0.1 0.3 1";  MINUTES  for each, default 60
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "cifar10" "budget_ms,minutes,width,size,latency_ms,top1"
minutes=${MINUTES:-60}
data+=/cifar10

for budget in ${BUDGETS:-0.1 0.3 1}; do
  grep -q "^$budget,$minutes," "$results" && continue
  run=$out/$budget-$minutes
  "$linnet" fit --data "$data" --latency "${budget}ms" --minutes "$minutes" --out "$run"
  python3 - "$run" "$budget,$minutes" >>"$results" <<'PYTHON'
import json, sys
run, asked = sys.argv[1:]
fit = json.load(open(f"{run}/fit.json"))
winner = next(c for c in fit["candidates"] if c["status"] == "winner")
print(asked, f'{winner["width"]:g}', winner["size"], f'{fit["latency_ms"]:.3f}',
      fit["top1"], sep=",")
PYTHON
done
