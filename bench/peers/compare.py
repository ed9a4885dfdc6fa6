#!/usr/bin/env python3
"""Linnet beside ONNX Runtime and PyTorch: the same networks with the same weights, in alternation.

  bench/peers/prepare.sh && bench/peers/compare.py
  bench/peers/compare.py --networks mobilenet_v1,resnet50 --peers linnet,onnxruntime --rounds 20

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
PEERS = ["linnet", "onnxruntime", "pytorch"]
SECONDS = 0.04  # of one turn
TOLERANCE = {"float32": 1e-3}  # outputs, relative to the largest


class PeerError(Exception):
    pass


class Worker:
    def __init__(self, command):
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
        self.version = self.ask(f"load {arch} {onnx} {picture}").removeprefix("ok ")

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
    worst = max(abs(x - y) for x, y in zip(expected, actual)) / largest
    return worst if worst == worst else math.inf


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
    subprocess.run([linnet, "convert", arch, "--out", onnx, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    write_picture(picture, input_side(linnet, arch))
    for worker in workers.values():
        worker.load(arch, onnx, picture)
    medians = alternate(workers, args.rounds)
    outputs = {name: worker.numbers("output") for name, worker in workers.items()}
    peak, limit = workers["linnet"].numbers("limit")
    row = {"network": arch, "peak_gmacs": peak, "limit_ms": limit, "peers": {}}
    for name in workers:
        quotients = [a / b for a, b in zip(medians[name], medians["linnet"])]
        row["peers"][name] = {"median_ms": statistics.median(medians[name]),
                              "ratio": statistics.median(quotients),
                              "difference": difference(outputs["linnet"], outputs[name]),
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


def table(rows, versions, args):
    others = [name for name in versions if name != "linnet"]
    lines = [f"{processor()}, {args.threads} thread{'s' * (args.threads > 1)}, {args.precision}, "
             f"batch 1; FMA peak {statistics.median(r['peak_gmacs'] for r in rows):.1f} GMAC/s; "
             + ", ".join(versions[name] for name in others) + f"; {args.rounds} rounds", "",
             "| network | Linnet ms | % of limit |"
             + "".join(f" {versions[name].rpartition(' ')[0]} ms | ratio |" for name in others),
             "|---|---:|---:|" + "---:|---:|" * len(others)]
    for row in rows:
        ours = row["peers"]["linnet"]["median_ms"]
        line = f"| {row['network']} | {ours:.3f} | {100 * row['limit_ms'] / ours:.0f} |"
        for name in others:
            peer = row["peers"][name]
            far = peer["difference"] > TOLERANCE[args.precision]
            note = f" (outputs differ by {peer['difference']:.1g})" if far else ""
            line += f" {peer['median_ms']:.3f} | {peer['ratio']:.2f}{note} |"
        lines.append(line)
    shares = [r["limit_ms"] / r["peers"]["linnet"]["median_ms"] for r in rows]
    line = f"| geometric mean | | {100 * geometric_mean(shares):.0f} |"
    for name in others:
        line += f" | {geometric_mean([r['peers'][name]['ratio'] for r in rows]):.2f} |"
    lines += [line, "", "ratio: the peer's time over Linnet's; above 1, Linnet is faster. % of "
              "limit: of Linnet's steps, what the\nmeasured peak and bandwidth would need at least, "
              "over what they take."]
    return "\n".join(lines) + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="as `linnet archs` names them")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--precision", choices=list(TOLERANCE), default="float32")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=pathlib.Path, help="default: peers/ in the build folder")
    args = parser.parse_args()
    args.build = args.build.resolve()
    args.out = args.out or args.build / "peers"
    args.networks, args.peers = args.networks.split(","), args.peers.split(",")
    if "linnet" not in args.peers or not set(args.peers) <= set(PEERS):
        parser.error(f"--peers: linnet, and any of {', '.join(PEERS[1:])}")
    return args


def main():
    args = parse_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    all_commands = commands(args.build, args.threads)
    workers = {name: Worker(all_commands[name]) for name in args.peers}
    rows = []
    for arch in args.networks:
        try:
            rows.append(measure(arch, workers, args, args.out))
        except PeerError as error:
            sys.exit(f"{arch}: {error}")
        peers = rows[-1]["peers"]
        print(arch, *(f"{n} {p['median_ms']:.2f} ms" for n, p in peers.items()), file=sys.stderr)
    versions = {name: worker.version for name, worker in workers.items()}
    text = table(rows, versions, args)
    (args.out / "table.md").write_text(text)
    record = {"processor": processor(), "when": time.strftime("%Y-%m-%d %H:%M:%S"),
              "threads": args.threads, "precision": args.precision, "rounds": args.rounds,
              "versions": versions, "rows": rows}
    (args.out / "table.json").write_text(json.dumps(record, indent=1) + "\n")
    print(text, end="")


if __name__ == "__main__":
    main()
