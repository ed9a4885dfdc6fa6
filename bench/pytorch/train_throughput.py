#!/usr/bin/env python3
"""Training throughput of PyTorch on MobileNet V1 for 32x32 pictures, for comparison with Linnet.

A step is what a step of training is: forward, softmax cross-entropy, backward, SGD with momentum.
The batches are random and already in memory, so that nothing but arithmetic is measured. Prints
one JSON object. `bench_train` measures the same in Linnet; compare.sh runs both in turn.

Needs Debian's python3-torch and libopenblas0 (scripts/install_deps.sh --bench), so run it with
/usr/bin/python3.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn

# Output channels at width 1 and stride of each depthwise-separable block (1704.04861, Table 1), the first
# two strides 1 instead of 2: the option small_input of Linnet.
BLOCKS = [(64, 1), (128, 1), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [
    (1024, 2), (1024, 1)]


def conv_bn(inputs, outputs, kernel, stride, groups=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]


def mobilenet_v1(width, classes):
    channels = int(32 * width)
    layers = conv_bn(3, channels, 3, 1)
    for outputs, stride in BLOCKS:
        outputs = int(outputs * width)
        layers += conv_bn(channels, channels, 3, stride, channels)
        layers += conv_bn(channels, outputs, 1, 1)
        channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(channels, classes))


def step(model, optimizer, loss, images, labels):
    optimizer.zero_grad(set_to_none=True)
    loss(model(images), labels).backward()
    optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=3, help="steps that are not counted")
    parser.add_argument("--steps", type=int, default=10, help="steps whose median is reported")
    parser.add_argument("--layout", choices=["channels_last", "contiguous"],
                        default="channels_last")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    layout = {"channels_last": torch.channels_last,
              "contiguous": torch.contiguous_format}[args.layout]
    model = mobilenet_v1(args.width, 10).to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    loss = nn.CrossEntropyLoss()
    images = torch.randn(args.batch, 3, args.size, args.size).to(memory_format=layout)
    labels = torch.randint(0, 10, (args.batch,))

    for _ in range(args.warmup):
        step(model, optimizer, loss, images, labels)
    seconds = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step(model, optimizer, loss, images, labels)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "program": f"PyTorch {torch.__version__}",
        "mkldnn": torch.backends.mkldnn.is_available(),
        "layout": args.layout,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "images_per_second": args.batch / statistics.median(seconds),
        "best_images_per_second": args.batch / min(seconds),
    }))


if __name__ == "__main__":
    main()
