#!/usr/bin/env python3
"""Writes crosscoders by dictionary_learning, with what this program computes.

Needs torch, safetensors, einops, huggingface_hub and the file dictionary_learning/dictionary.py of a
fork with BatchTopKCrossCoder, https://github.com/jkminder/dictionary_learning. Usage:
generate_crosscoders.py DICTIONARY.PY
"""

import importlib.util
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent / "sae"
# The width of the tiny models of dev.vidrio.model.
D, FEATURES, ACTIVATIONS = 32, 24, 2


def program(path: str):
    """Imports the file alone; the package imports programs that crosscoders do not need."""
    package = types.ModuleType("package")
    package.__path__ = []
    utils = types.ModuleType("package.utils")
    utils.set_decoder_norm_to_unit_norm = None
    sys.modules.update({"package": package, "package.utils": utils})
    spec = importlib.util.spec_from_file_location("package.dictionary", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["package.dictionary"] = module
    spec.loader.exec_module(module)
    return module


def write(name: str, one, encode):
    directory = HERE / name
    with torch.no_grad():
        for values in one.parameters():
            values.copy_(torch.randn_like(values) / 4)
    one.save_pretrained(directory)
    (directory / "README.md").unlink()
    x = torch.randn(6, ACTIVATIONS, D)
    with torch.no_grad():
        features = encode(x)
        output = one.decode(features)
    assert 0.1 < (features > 0).float().mean() < 0.9
    tensors = {"x": x.flatten(1), "features": features, "output": output.flatten(1)}
    save_file({key: values.contiguous() for key, values in tensors.items()}, directory / "expected.safetensors")


if __name__ == "__main__":
    dictionary = program(sys.argv[1])
    torch.manual_seed(8)
    relu = dictionary.CrossCoder(D, FEATURES, ACTIVATIONS, target_rms=1.0)
    write("crosscoder", relu, relu.encode)
    mean, std = torch.randn(ACTIVATIONS, D), torch.rand(ACTIVATIONS, D) + 0.5
    for name, kind, normalized in [
        ("crosscoder-batchtopk", "CROSSCODER", False),
        ("crosscoder-normalized", "SAE", True),
    ]:
        one = dictionary.BatchTopKCrossCoder(
            D,
            FEATURES,
            ACTIVATIONS,
            k=8,
            code_normalization=kind,
            activation_mean=mean if normalized else None,
            activation_std=std if normalized else None,
            target_rms=6.0,
        )
        one.threshold.fill_(3.0)
        write(name, one, lambda x: one.encode(x, use_threshold=True))
