#!/usr/bin/env python3
"""PyTorch as a worker of bench/peers (worker.h has the protocol): pytorch_worker.py PROTO_FOLDER [THREADS]

The network is read from the ONNX file, so that the weights are the same, and then made as fast as
PyTorch can by itself: traced, frozen, optimize_for_inference, which takes oneDNN's convolutions. That
gives wrong answers in places (hard-swish on channels that are no multiple of 16, in 1.13); so the
fastest is taken whose answer is that of the plain modules, with or without it.
PROTO_FOLDER holds onnx_pb2.py, as protoc makes it of ONNX's .proto.

Needs Debian's python3-torch, python3-protobuf and libopenblas0 (scripts/install_deps.sh --bench).
"""
import sys
import time
import warnings

import numpy
import torch
from torch.nn import functional as F


def tensor_of(proto):
    kind = {1: numpy.float32, 7: numpy.int64}[proto.data_type]
    return torch.from_numpy(numpy.frombuffer(proto.raw_data, kind).reshape(list(proto.dims)).copy())


def attributes_of(node):
    values = {}
    for a in node.attribute:
        values[a.name] = {1: a.f, 2: a.i, 3: a.s, 7: list(a.ints)}[a.type]
    return values


def split_pads(pads):
    """(before, after) of both axes."""
    return pads[:2], pads[2:]


def padded(x, pads, value=0.0):
    return F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=value) if any(pads) else x


def conv(a, x, weight, bias=None):
    before, after = split_pads(a["pads"])
    if before != after:
        x, before = padded(x, a["pads"]), [0, 0]
    return F.conv2d(x, weight, bias, a["strides"], before, a["dilations"], a["group"])


def max_pool(a, x):
    """Rows that a window lacks at the end are ceil_mode's, or padding's where they are more."""
    before, after = split_pads(a["pads"])
    kernel, stride = a["kernel_shape"], a["strides"]
    whole = padded(x, a["pads"], -float("inf"))
    want = [(whole.shape[2 + i] - kernel[i]) // stride[i] + 1 for i in range(2)]
    for ceil in (False, True):
        y = F.max_pool2d(x, kernel, stride, before, ceil_mode=ceil)
        if list(y.shape[2:]) == want:
            return y
    return F.max_pool2d(whole, kernel, stride)


def average_pool(a, x):
    before, after = split_pads(a["pads"])
    if before != after:
        raise ValueError("an average pool whose padding is not the same on both sides")
    return F.avg_pool2d(x, a["kernel_shape"], a["strides"], before,
                        count_include_pad=bool(a["count_include_pad"]))


def clip(a, x, least, most):
    return F.hardtanh(x, float(least), float(most))


def cut(a, x, begin, end, axis):
    axis, begin = int(axis), int(begin)
    end = min(int(end), x.shape[axis])
    return x.narrow(axis, begin, end - begin)


OPS = {
    "Conv": conv,
    "Gemm": lambda a, x, w, b=None: F.linear(x, w, b),
    "Relu": lambda a, x: F.relu(x),
    "Clip": clip,
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "HardSigmoid": lambda a, x: F.hardsigmoid(x),
    "HardSwish": lambda a, x: F.hardswish(x),
    "Swish": lambda a, x: F.silu(x),  # Mul of x and its Sigmoid
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda a, x: F.adaptive_avg_pool2d(x, 1),
    "LRN": lambda a, x: F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["bias"]),
    "Add": lambda a, x, y: x + y,
    "Mul": lambda a, x, y: x * y,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "Slice": cut,
    "Reshape": lambda a, x, shape: x.reshape(shape.tolist()),
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Flatten": lambda a, x: torch.flatten(x, 1),
    "Softmax": lambda a, x: torch.softmax(x, a["axis"]),
    "BatchNormalization": lambda a, x, w, b, mean, var: F.batch_norm(x, mean, var, w, b, False, 0.0,
                                                                     a["epsilon"]),
}


class OnnxModule(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        import onnx_pb2
        model = onnx_pb2.ModelProto()
        with open(path, "rb") as file:
            model.ParseFromString(file.read())
        graph = model.graph
        self.constants = {}
        for proto in graph.initializer:
            tensor = tensor_of(proto)
            if tensor.is_floating_point() and tensor.dim() > 0:
                tensor = torch.nn.Parameter(tensor, requires_grad=False)
                self.register_parameter(proto.name.replace(".", "_"), tensor)
            self.constants[proto.name] = tensor
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.steps = [(n.op_type, attributes_of(n), list(n.input), n.output[0])
                      for n in graph.node]
        self.join_swish()
        unknown = {op for op, *_ in self.steps} - set(OPS)
        if unknown:
            raise ValueError("this worker does not know " + ", ".join(sorted(unknown)))

    def join_swish(self):
        sigmoids = {out: inputs[0] for op, _, inputs, out in self.steps if op == "Sigmoid"}
        swishes = {i[1] for op, _, i, _ in self.steps if op == "Mul" and sigmoids.get(i[1]) == i[0]}
        steps = []
        for op, attributes, inputs, out in self.steps:
            if out in swishes:
                continue
            if op == "Mul" and inputs[1] in swishes:
                op, inputs = "Swish", inputs[:1]
            steps.append((op, attributes, inputs, out))
        self.steps = steps

    def forward(self, picture):
        values = dict(self.constants)
        values[self.input] = picture
        for op, attributes, inputs, out in self.steps:
            values[out] = OPS[op](attributes, *[values[i] for i in inputs])
        return values[self.output]


class Worker:
    def __init__(self):
        self.run, self.picture, self.result = None, None, None

    def load(self, arch, onnx, picture):
        numbers = torch.from_numpy(numpy.fromfile(picture, numpy.float32))
        side = round((numbers.numel() / 3) ** 0.5)
        self.picture = numbers.reshape(1, 3, side, -1).contiguous()
        module = OnnxModule(onnx).eval()
        expected = module(self.picture)
        traced = torch.jit.trace(module, self.picture)
        frozen = torch.jit.freeze(traced)
        self.run = min((frozen, torch.jit.optimize_for_inference(torch.jit.freeze(traced))),
                       key=lambda run: self.seconds(run, expected))
        return "ok PyTorch " + torch.__version__

    def seconds(self, run, expected):
        """The least of some runs, after those in which the executor compiles; or infinity."""
        for _ in range(3):
            result = run(self.picture)
        if (result - expected).abs().max() > 1e-3 * expected.abs().max():
            return float("inf")
        times = []
        for _ in range(5):
            start = time.perf_counter()
            run(self.picture)
            times.append(time.perf_counter() - start)
        return min(times)

    def runs(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter_ns()
            self.result = self.run(self.picture)
            times.append(time.perf_counter_ns() - start)
        return " ".join(map(str, times))

    def obey(self, words):
        if words[0] == "load":
            return self.load(*words[1:])
        if words[0] == "run":
            return self.runs(int(words[1]))
        if words[0] == "output":
            return " ".join(f"{x:.9g}" for x in self.result.flatten().tolist())
        raise ValueError("there are load, run, output; not " + words[0])


def main(proto_folder, threads=1):
    sys.path.insert(0, proto_folder)
    torch.set_num_threads(int(threads))
    warnings.simplefilter("ignore")  # of tracing: sizes are fixed here
    worker = Worker()
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                verb, _, rest = line.strip().partition(" ")
                answer = worker.obey([verb, *rest.split("\t")])
            except Exception as error:  # whatever it is, the driver is told
                answer = "error " + " ".join(str(error).split())
            print(answer, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
