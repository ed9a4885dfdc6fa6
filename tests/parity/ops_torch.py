"""Random cases of an operation, computed by PyTorch with all gradients: ops_torch.py OP FILE.

FILE (safetensors) has a case's graph as metadata, and its tensors in Linnet's layout (NHWC, OHWI):
<case>.in0 ..., <case>.weight, <case>.bias, <case>.dout; <case>.out, <case>.din0 ...,
<case>.dweight, <case>.dbias. PyTorch computes in double precision.
"""
import random
import sys

import torch
from torch.nn import functional

import safetensors_file

CASES = 24


def number(*shape, low=-1.0, high=1.0):
    tensor = torch.rand(*shape, dtype=torch.float64) * (high - low) + low
    return tensor.float().double().requires_grad_()  # what float32 can hold


def pair(low, high):
    return random.randint(low, high), random.randint(low, high)


def fields(**values):
    text = {k: ",".join(map(str, v)) if isinstance(v, tuple) else str(v).lower()
            for k, v in values.items()}
    return ", ".join(f"{k}={v}" for k, v in text.items())


def groups_of(channels):
    return random.choice([g for g in range(1, channels + 1) if channels % g == 0])


def deform_conv2d():
    from torchvision.ops import deform_conv2d
    groups, kernel, stride, dilation, padding = (
        random.randint(1, 3), pair(1, 3), pair(1, 2), pair(1, 2), pair(0, 2))
    channels, out = groups * random.randint(1, 6), groups * random.randint(1, 5)
    offset_groups = groups_of(channels)
    size, batch = pair(6, 9), random.randint(1, 3)
    rows, columns = (
        (size[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1
        for d in (0, 1))
    points = offset_groups * kernel[0] * kernel[1]
    masked, biased = random.random() < 0.5, random.random() < 0.5
    inputs = [number(batch, channels, *size),
              number(batch, 2 * points, rows, columns, low=-3, high=3)]
    if masked:
        inputs.append(number(batch, points, rows, columns, low=0))
    params = {"weight": number(out, channels // groups, *kernel)}
    if biased:
        params["bias"] = number(out)
    result = deform_conv2d(inputs[0], inputs[1], params["weight"], params.get("bias"), stride,
                           padding, dilation, inputs[2] if masked else None)
    return fields(out_channels=out, kernel=kernel, stride=stride, padding=padding * 2,
                  dilation=dilation, groups=groups, offset_groups=offset_groups, masked=masked,
                  bias=biased), inputs, params, result


def conv_transpose2d():
    groups, kernel, stride, dilation = random.randint(1, 3), pair(1, 4), pair(1, 3), pair(1, 2)
    padding = tuple(random.randint(0, dilation[d] * (kernel[d] - 1)) for d in (0, 1))
    output_padding = tuple(random.randint(0, stride[d] - 1) for d in (0, 1))
    channels, out = groups * random.randint(1, 6), groups * random.randint(1, 6)
    biased = random.random() < 0.5
    inputs = [number(random.randint(1, 3), channels, *pair(4, 8))]
    params = {"weight": number(channels, out // groups, *kernel)}
    if biased:
        params["bias"] = number(out)
    result = functional.conv_transpose2d(inputs[0], params["weight"], params.get("bias"), stride,
                                         padding, output_padding, groups, dilation)
    return fields(out_channels=out, kernel=kernel, stride=stride, padding=padding * 2,
                  output_padding=output_padding, dilation=dilation, groups=groups,
                  bias=biased), inputs, params, result


def resize():
    size = pair(1, 12)
    mode, corners = random.choice([("nearest", None), ("bilinear", False), ("bilinear", True)])
    inputs = [number(random.randint(1, 3), random.randint(1, 9), *pair(1, 9))]
    result = functional.interpolate(inputs[0], size=size, mode=mode, align_corners=corners)
    return fields(mode=mode, align_corners=bool(corners), height=size[0],
                  width=size[1]), inputs, {}, result


def channels_last(tensor):
    """NCHW to NHWC, OIHW to OHWI; a vector as it is."""
    tensor = tensor.detach()
    return (tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor).numpy()


def main(op, path):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    random.seed(1)
    tensors, graphs = {}, {}
    for index in range(CASES):
        text, inputs, params, result = globals()[op]()
        gradient = number(*result.shape).detach()
        result.backward(gradient)
        names = [f"in{i}" for i in range(len(inputs))]
        graphs[str(index)] = "\n".join(
            ["linnet-graph 1", "name case", *(f"{name} = input()" for name in names),
             f"y = {op}({', '.join(names + [text])})", "return y\n"])
        values = dict(zip(names, inputs)) | params
        gradients = {"d" + name: value.grad for name, value in values.items()}
        for name, value in (values | gradients | {"out": result, "dout": gradient}).items():
            tensors[f"{index}.{name}"] = channels_last(value)
    safetensors_file.save(path, tensors, graphs)


if __name__ == "__main__":
    main(*sys.argv[1:])
