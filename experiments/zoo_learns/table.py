#!/usr/bin/env python3
"""Of members.csv and results.csv.

  table.py --members members.csv                      prints the members, fields separated by ';'
  table.py --has results.csv FAMILY ARCH DATA BATCH STEPS LR PIPELINE   succeeds if that run is there
  table.py --add results.csv FIELD...                 adds a run
  table.py members.csv results.csv README.md < JSON   writes the table between the markers of README.md,
                                                      and names the families of `linnet archs --json`
                                                      that have no member
"""
import csv
import json
import sys

BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
TRAIN_PICTURES = {"cifar10": 50000, "mnist": 60000}
HELD_OUT = 0.1
# Detectors and feature pyramids: no classes to learn.
NOT_TRAINED = {"fpn", "ssd", "ssdlite", "yolo"}


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def epochs(row):
    seen = int(row["steps"]) * int(row["batch"])
    return seen / (TRAIN_PICTURES[row["data"]] * (1 - HELD_OUT))


def table(rows):
    lines = ["| family | network | data | epochs | top-1 % | chance % |", "|---|---|---|--:|--:|--:|"]
    for row in sorted(rows, key=lambda row: row["family"]):
        lines.append(f"| {row['family']} | `{row['arch']}` | {row['data']} | {epochs(row):.1f} | "
                     f"{100 * float(row['top1']):.1f} | {100 * float(row['chance']):.0f} |")
    return "\n".join(lines) + "\n"


def write(members, results, readme):
    missing = {row["family"] for row in json.load(sys.stdin)} - {row["family"] for row in members} - NOT_TRAINED
    if missing:
        print("families without a member in members.csv:", ", ".join(sorted(missing)), file=sys.stderr)
    with open(readme) as file:
        before, rest = file.read().split(BEGIN)
    after = rest.split(END)[1]
    with open(readme, "w") as file:
        file.write(before + BEGIN + table(results) + END + after)
    print(table(results), end="")


def has(results, *run):
    keys = ("family", "arch", "data", "batch", "steps", "lr", "pipeline")
    return any(run == tuple(row[key] for key in keys) for row in results)


def main(arguments):
    if arguments[0] == "--members":
        for row in read(arguments[1]):
            print(";".join(row.values()))
    elif arguments[0] == "--has":
        sys.exit(0 if has(read(arguments[1]), *arguments[2:]) else 1)
    elif arguments[0] == "--add":
        with open(arguments[1], "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(arguments[2:])
    else:
        write(read(arguments[0]), read(arguments[1]), arguments[2])


if __name__ == "__main__":
    main(sys.argv[1:])
