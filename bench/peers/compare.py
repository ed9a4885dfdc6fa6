#!/usr/bin/env python3
"""Linnet beside ONNX Runtime and PyTorch: the same networks with the same weights, in alternation.

  bench/peers/prepare.sh && bench/peers/compare.py
  bench/peers/compare.py --networks mobilenet_v1,resnet50 --peers linnet,onnxruntime --rounds 20
  bench/peers/compare.py --peers linnet:int8,onnxruntime:int8
  bench/peers/compare.py --peers linnet:bf16,onnxruntime

A peer is a program, and after a colon its precision, float32 where none is said. The first is the one
that the others are compared with. ONNX Runtime's int8 is a QDQ model (qdq.cc): bytes with scales by
value, int8 weights with scales by channel. Linnet's is quantized with the same ranges (ranges.h).

Each peer is a process of its own that sleeps while another runs (worker.h). A round lets each run for
some fiftieths of a second, in an order that turns from round to round; its first run, which finds the
caches full of another's numbers, does not count. A ratio is the median over the rounds of the
quotients within a round, so that a machine that changes its speed does not matter.

Writes table.md and table.json into --out and prints the table. Batch 1, the network's own picture
size, one random picture, random weights; the outputs of all peers are compared.
"""
import argparse
import array
import json
import math
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NETWORKS = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "mnasnet_b1",
            "shufflenet_v2", "squeezenet1_1", "efficientnet_b0", "densenet121", "resnet50",
            "googlenet_torchvision"]  # the paper's has response normalisation, at which peers are slow
PRECISIONS = {"linnet": ["float32", "bf16", "bf16x3", "int8"], "onnxruntime": ["float32", "int8"], "pytorch": ["float32"]}
PEERS = "linnet,onnxruntime,pytorch"
SECONDS = 0.04  # of one turn
TOLERANCE = 1e-3  # float32 outputs, relative to the largest; others are rounded


class PeerError(Exception):
    pass


class Worker:
    def __init__(self, command, precision):
        self.precision = precision
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.version = ""

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise PeerError("the worker has ended")
        if answer.startswith("error"):
            raise PeerError(answer)
        return answer

    def load(self, arch, onnx, picture):
        answer = self.ask(f"load {arch}\t{onnx}\t{picture}").removeprefix("ok ")
        self.version = answer + (f" {self.precision}" if self.precision != "float32" else "")

    def run(self, count):
        return [int(word) * 1e-6 for word in self.ask(f"run {count}").split()]

    def numbers(self, verb):
        return [float(word) for word in self.ask(verb).split()]


def commands(build, threads):
    libraries = build.glob("peers/node_modules/onnxruntime-node/bin/napi-v*/"
                           f"linux/{'arm64' if platform.machine() == 'aarch64' else 'x64'}/"
                           "libonnxruntime.so.1")
    library = next(libraries, "missing: run bench/peers/prepare.sh")
    bench = build / "bench/peers"
    return {"linnet": [bench / "bench_peers_linnet", str(threads)],
            "onnxruntime": [bench / "bench_peers_onnxruntime", library, str(threads)],
            "pytorch": ["/usr/bin/python3", HERE / "pytorch_worker.py", build / "peers",
                        str(threads)]}


def write_picture(path, side):
    numbers = random.Random(1)
    path.write_bytes(array.array("f", [numbers.uniform(-2, 2) for _ in range(3 * side * side)])
                     .tobytes())


def input_side(linnet, arch):
    shown = subprocess.run([linnet, "show", arch, "--json"], check=True, capture_output=True)
    return json.loads(shown.stdout)["layers"][0]["output"][1]


def difference(expected, actual):
    if len(expected) != len(actual):
        return math.inf
    largest = max(abs(x) for x in expected) or 1.0
    apart = [abs(x - y) for x, y in zip(expected, actual)]
    return math.inf if any(math.isnan(x) for x in apart) else max(apart) / largest


def alternate(workers, rounds):
    """By peer, the median of each round in milliseconds."""
    counts = {}
    for name, worker in workers.items():
        worker.run(2)
        counts[name] = min(50, max(3, math.ceil(SECONDS * 1e3 / min(worker.run(2))))) + 1
    medians = {name: [] for name in workers}
    names = list(workers)
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            medians[name].append(statistics.median(workers[name].run(counts[name])[1:]))
    return medians


def measure(arch, workers, args, folder):
    linnet = args.build / "src/linnet"
    onnx, picture = folder / f"{arch}.onnx", folder / f"{arch}.picture"
    write_picture(picture, input_side(linnet, arch))
    for worker in workers.values():
        if worker.precision == "int8":
            command = [args.build / "bench/peers/bench_peers_qdq", arch, picture, onnx]
        else:
            command = [linnet, "convert", arch, "--out", onnx, "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        worker.load(arch, onnx, picture)
    medians = alternate(workers, args.rounds)
    outputs = {name: worker.numbers("output") for name, worker in workers.items()}
    first, ours = next(iter(workers)), our_peer(workers)
    peak, limit = workers[ours].numbers("limit")
    share = limit / statistics.median(medians[ours])
    row = {"network": arch, "peak_gmacs": peak, "limit_ms": limit, "share": share, "peers": {}}
    for name in workers:
        quotients = [a / b for a, b in zip(medians[name], medians[first])]
        row["peers"][name] = {"median_ms": statistics.median(medians[name]),
                              "ratio": statistics.median(quotients),
                              "difference": difference(outputs[first], outputs[name]),
                              "rounds_ms": medians[name]}
    onnx.unlink()
    picture.unlink()
    return row


def geometric_mean(numbers):
    return math.exp(statistics.mean(math.log(x) for x in numbers))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def column(version):
    """The version is in the line above the table."""
    return " ".join(word for word in version.split() if not word[0].isdigit())


def cells(row, name, rounded):
    """Of a peer that is compared with the first one; rounded: one of them computes in less than float32."""
    peer = row["peers"][name]
    far = math.isinf(peer["difference"]) or (not rounded and peer["difference"] > TOLERANCE)
    note = f" (outputs differ by {peer['difference']:.1g})" if far else ""
    return f" {peer['median_ms']:.3f} | {peer['ratio']:.2f}{note} |"


def table(rows, workers, args):
    first, *others = workers
    names = {name: worker.version for name, worker in workers.items()}
    rounded = {name: not workers[first].precision == workers[name].precision == "float32" for name in others}
    lines = [f"{processor()}, {args.threads} thread{'s' * (args.threads > 1)}, batch 1; FMA peak "
             f"{statistics.median(r['peak_gmacs'] for r in rows):.1f} GMAC/s; "
             + ", ".join(names[name] for name in others) + f"; {args.rounds} rounds", "",
             f"| network | {column(names[first])} ms | % of limit |"
             + "".join(f" {column(names[name])} ms | ratio |" for name in others),
             "|---|---:|---:|" + "---:|---:|" * len(others)]
    for row in rows:
        lines.append(f"| {row['network']} | {row['peers'][first]['median_ms']:.3f} | "
                     f"{100 * row['share']:.0f} |"
                     + "".join(cells(row, name, rounded[name]) for name in others))
    ratios = [geometric_mean([r["peers"][name]["ratio"] for r in rows]) for name in others]
    lines += [f"| geometric mean | | {100 * geometric_mean([r['share'] for r in rows]):.0f} |"
              + "".join(f" | {ratio:.2f} |" for ratio in ratios), "",
              f"ratio: the peer's time over that of {column(names[first])}; above 1, that is faster. "
              "% of limit: of Linnet's steps,\nwhat the measured peak of their precision and bandwidth "
              "would need at least, over what they take."]
    return "\n".join(lines) + "\n"


def split_peer(peer):
    """(program, precision)"""
    program, _, precision = peer.partition(":")
    return program, precision or "float32"


def our_peer(peers):
    return next((peer for peer in peers if split_peer(peer)[0] == "linnet"), None)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="as `linnet archs` names them")
    parser.add_argument("--peers", default=PEERS, help="programs, each with :precision or not")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=pathlib.Path, help="default: peers/ in the build folder")
    args = parser.parse_args()
    args.build = args.build.resolve()
    args.out = args.out or args.build / "peers"
    args.networks, args.peers = args.networks.split(","), args.peers.split(",")
    known = [f"{program}:{p}" for program, all in PRECISIONS.items() for p in all]
    for peer in args.peers:
        if split_peer(peer) not in map(split_peer, known):
            parser.error(f"--peers {peer}: there are {', '.join(known)}")
    if our_peer(args.peers) is None:
        parser.error("--peers: linnet is among them, because it measures the limit")
    return args


def main():
    args = parse_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    all_commands = commands(args.build, args.threads)
    workers = {peer: Worker(all_commands[program] + [precision] * (program == "linnet"), precision)
               for peer in args.peers for program, precision in [split_peer(peer)]}
    rows = []
    for arch in args.networks:
        try:
            rows.append(measure(arch, workers, args, args.out))
        except PeerError as error:
            sys.exit(f"{arch}: {error}")
        peers = rows[-1]["peers"]
        print(arch, *(f"{n} {p['median_ms']:.2f} ms" for n, p in peers.items()), file=sys.stderr)
    versions = {name: worker.version for name, worker in workers.items()}
    text = table(rows, workers, args)
    (args.out / "table.md").write_text(text)
    record = {"processor": processor(), "when": time.strftime("%Y-%m-%d %H:%M:%S"),
              "threads": args.threads, "rounds": args.rounds,
              "versions": versions, "rows": rows}
    (args.out / "table.json").write_text(json.dumps(record, indent=1) + "\n")
    print(text, end="")


if __name__ == "__main__":
    main()
