#!/usr/bin/env python3
"""Writes the table of results.csv between the markers of README.md.

  table.py results.csv README.md
"""
import collections
import csv
import statistics
import sys

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
NAMES = {
    "plain": "plain 5x5",
    "depthwise_full": "5x5 over all channels + 1x1",
    "depthwise": "5x5 each channel + 1x1",
}


def table(rows):
    runs = collections.defaultdict(list)
    for row in rows:
        runs[row["conv"], row["bn"]].append(100 * float(row["top1"]))
    lines = ["| convolution | batch norm | mean top-1 % | lowest | highest | seeds |",
             "|---|---|---|---|---|---|"]
    for (conv, bn), values in runs.items():
        lines.append(f"| {NAMES[conv]} | {'yes' if bn == 'true' else 'no'} | "
                     f"{statistics.mean(values):.2f} | {min(values):.2f} | {max(values):.2f} | "
                     f"{len(values)} |")
    return "\n".join(lines) + "\n"


def main(results, readme):
    with open(results, newline="") as file:
        text = table(csv.DictReader(file))
    with open(readme) as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END)[1]
    with open(readme, "w") as file:
        file.write(before + BEGIN + text + END + after)
    print(text, end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
