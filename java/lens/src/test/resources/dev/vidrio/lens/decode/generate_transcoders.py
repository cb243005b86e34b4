#!/usr/bin/env python3
"""Writes transcoders by circuit-tracer and sparsify, with what these programs compute.

Needs torch, safetensors, eai-sparsify 1.3 and a checkout of
https://github.com/decoderesearch/circuit-tracer in PYTHONPATH. Usage, where there is no GPU:
SPARSIFY_DISABLE_TRITON=1 TORCH_COMPILE_DISABLE=1 generate_transcoders.py
"""

from pathlib import Path

import huggingface_hub.constants
import torch
from safetensors.torch import save_file

# Removed from the package since; the program imports it to download files.
huggingface_hub.constants.HF_HUB_ENABLE_HF_TRANSFER = False

from circuit_tracer.transcoder import SingleLayerTranscoder  # noqa: E402
from circuit_tracer.transcoder.activation_functions import JumpReLU  # noqa: E402
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder  # noqa: E402
from sparsify import SparseCoder, SparseCoderConfig  # noqa: E402

HERE = Path(__file__).resolve().parent / "sae"
# The width and the layers of the tiny models of dev.vidrio.model.
D, FEATURES, LAYERS = 32, 24, 2


def random(module: torch.nn.Module):
    with torch.no_grad():
        for name, values in module.named_parameters():
            values.copy_(torch.randn_like(values) / 4)
            if "threshold" in name:
                values.abs_()


def config(directory: Path, into: str, out: str, kind: str):
    (directory / "config.yaml").write_text(
        f'model_name: "tiny"\nmodel_kind: "{kind}"\n'
        f'feature_input_hook: "{into}"\nfeature_output_hook: "{out}" # of a block\n'
    )


def single_layers(x: torch.Tensor):
    directory = HERE / "circuit-tracer"
    directory.mkdir(exist_ok=True)
    for layer, activation in enumerate([JumpReLU(torch.zeros(FEATURES), 0.1), torch.relu]):
        one = SingleLayerTranscoder(D, FEATURES, activation, layer, True, dtype=torch.float32)
        random(one)
        one.to_safetensors(str(directory / f"layer_{layer}.safetensors"))
        features = one.encode(x)
        save(directory / f"expected_{layer}.safetensors", x, features, one.decode(features, x))
    config(directory, "mlp.hook_in", "mlp.hook_out", "transcoder_set")


def cross_layer():
    directory = HERE / "cross-layer"
    one = CrossLayerTranscoder(
        LAYERS, FEATURES, D, "jump_relu", lazy_decoder=False, dtype=torch.float32
    )
    random(one)
    one.to_safetensors(str(directory))
    config(directory, "hook_resid_mid", "hook_mlp_out", "cross_layer_transcoder")
    x = torch.randn(LAYERS, 5, D)
    features = one.encode(x)
    save(directory / "expected.safetensors", x, features, one.decode(features.to_sparse()))


def sparsify(x: torch.Tensor):
    directory = HERE / "sparsify" / "layers.1.mlp"
    one = SparseCoder(
        D,
        SparseCoderConfig(num_latents=FEATURES, k=5, transcode=True, skip_connection=True),
        dtype=torch.float32,
    )
    random(one)
    one.save_to_disk(directory)
    top = one.encode(x)
    features = torch.zeros(len(x), FEATURES).scatter(1, top.top_indices, top.top_acts)
    save(directory / "expected.safetensors", x, features, one(x).sae_out)


def save(file: Path, x, features, output):
    tensors = {"x": x, "features": features, "output": output}
    save_file({name: values.detach().contiguous() for name, values in tensors.items()}, file)


if __name__ == "__main__":
    torch.manual_seed(8)
    x = torch.randn(6, D)
    single_layers(x)
    cross_layer()
    sparsify(x)
