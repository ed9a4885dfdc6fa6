#!/usr/bin/env python3
"""A torchvision model with random weights, as state_dict, and what it says of eight pictures.

  torchvision_model.py NAME SIZE WEIGHTS.safetensors RESULT.safetensors

RESULT has 'pictures' [8, SIZE, SIZE, 3] and 'logits' [8, 1000]. Batch norm's running statistics are
those of the pictures, shaken: so they matter, and values keep a sane size through a deep network.
"""
import sys

import torch
import torchvision

import safetensors_file


def make_model(name):
    make = getattr(torchvision.models, name)
    options = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        # The slow truncated normal is of no use here.
        options.update(aux_logits=True, init_weights=False, transform_input=False)
    return make(**options)


def batch_norms(model):
    return [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def shake(model, pictures):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.1)
            elif parameter.dim() == 1:  # batch norm's scale
                parameter.uniform_(0.5, 1.5)
        for norm in batch_norms(model):
            norm.momentum = 1.0
        model.train()
        model(pictures)
        for norm in batch_norms(model):
            deviation = norm.running_var.sqrt()
            norm.running_mean += 0.1 * deviation * torch.randn_like(deviation)
            norm.running_var *= torch.empty_like(deviation).uniform_(0.8, 1.25)
    model.eval()


def main(name, size, weights, result):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = make_model(name)
    pictures = torch.randn(8, 3, int(size), int(size))
    shake(model, pictures)
    with torch.no_grad():
        logits = model(pictures)
    safetensors_file.save(weights, {k: v.numpy() for k, v in model.state_dict().items()})
    safetensors_file.save(result, {"pictures": pictures.permute(0, 2, 3, 1).numpy(),
                                   "logits": logits.numpy()})


if __name__ == "__main__":
    main(*sys.argv[1:])
