"""Features of files that `lens sae train-cross` writes, as the programs of their formats compute them.

Trains on the embedded model in F32, on which this takes seconds, and runs the program and Vidrio on
the same activations. circuit-tracer is a checkout of
https://github.com/decoderesearch/circuit-tracer.
"""

import sys
import tempfile
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import torch
from models import BARD, Model
from row import Row, error
from safetensors.torch import load_file

# Removed from the package since; circuit-tracer imports it to download files.
huggingface_hub.constants.HF_HUB_ENABLE_HF_TRANSFER = False

CORPUS = Path(__file__).resolve().parents[2] / "docs/lens/speeches.txt"
TEXT = "The king is dead, long live the king. What, shall we go in?"
COMMAND = "lens sae train-cross"


def trained(bard: Model, directory: str, *options: str) -> None:
    bard.run(
        *("lens", "sae", "train-cross", "-f", str(CORPUS), "--features", "64", "--steps", "100"),
        *("--rate", "0.004", "-o", directory, *options),
    )


def activations(bard: Model, site: str) -> list[torch.Tensor]:
    """Returns the activations of all layers at a site."""
    with tempfile.TemporaryDirectory() as directory:
        file = str(Path(directory) / "activations.safetensors")
        bard.run("lens", "cache", "-p", TEXT, "--hooks", f"*.{site}", "-o", file)
        values = load_file(file)
    layers = sum(name.endswith(site) for name in values)
    return [values[f"blocks.{layer}.{site}"] for layer in range(layers)]


def features(bard: Model, directory: str, count: int, *options: str) -> np.ndarray:
    """Returns the features that Vidrio computes, [tokens][features]."""
    command = ("lens", "sae", "features", "--sae", directory, "-p", TEXT, *options)
    rows = bard.vidrio(*command)["features"]
    dense = np.zeros((len(rows), count))
    for values, row in zip(dense, rows):
        for feature in row:
            values[feature["feature"]] = feature["value"]
    return dense


def compare(method: str, program: str, ours: np.ndarray, theirs: np.ndarray) -> list[Row]:
    row = method, COMMAND, program
    active = np.count_nonzero(theirs)
    return [
        Row(*row, f"relative error of {active} active features", error(ours, theirs), 1e-5),
        Row(*row, "tokens' features active in one only", float(((ours != 0) != (theirs != 0)).sum()), 0),
    ]


def check(model: Model, checkout: str) -> list[Row]:
    sys.path.insert(0, checkout)
    from circuit_tracer.transcoder.cross_layer_transcoder import load_clt

    bard = Model(BARD, model.arguments)
    with tempfile.TemporaryDirectory() as directory:
        trained(
            bard,
            directory,
            *("--hook", "*.ln2.hook_normalized", "--hook-out", "*.hook_mlp_out", "-k", "24"),
        )
        # Lazy decoders are read when the program needs them.
        clt = load_clt(directory, dtype=torch.float32, lazy_decoder=False, device=torch.device("cpu"))
        inputs = torch.stack(activations(bard, "ln2.hook_normalized"))
        theirs = clt.encode(inputs).detach()
        ours = [
            features(bard, directory, theirs.shape[2], "--layer", str(layer))
            for layer in range(len(inputs))
        ]
    found = Path(checkout, "pyproject.toml").read_text().split('version = "')[1].split('"')[0]
    return compare("cross-layer transcoder", f"circuit-tracer {found}", np.stack(ours), theirs.numpy())
