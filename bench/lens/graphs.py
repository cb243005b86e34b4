"""Attribution graphs with transcoders against circuit-tracer, the program of their authors.

The program is a checkout of https://github.com/safety-research/circuit-tracer. It runs on
HookedTransformer, which TransformerLens 4 removed, so it runs in a process of its own with
TransformerLens 2: DIRECTORY/circuit-tracer/packages, from

    pip install --no-deps --target packages transformer-lens==2.16.1 better_abc fancy_einsum

Transcoders are random: the graph of random features is as exact as that of trained ones.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from row import Row, error
from safetensors.torch import save_file

TEXT = "The capital of France"
FEATURES = 64
# Pre-activations are about normal with deviation 1: about 5 features are active per token.
THRESHOLD = 1.5


def check(model, checkout: str) -> list[Row]:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        theirs = model.transformers()
        for number, layer in enumerate(theirs.model.layers):
            write(directory, number, layer.post_attention_layernorm.weight.detach())
        ours = model.vidrio(
            *("lens", "graph", "-p", TEXT, "--transcoders", str(directory), "--from", "0"),
            *("--node-share", "1", "--edge-share", "1", "--features", "16384"),
        )
        job = {"model": model.path, "transcoders": str(directory), "tokens": ours["tokens"]}
        path = os.pathsep.join((str(Path(checkout) / "packages"), checkout))
        result = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("circuit_tracer_graph.py"))],
            input=json.dumps(job),
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return compare(ours, json.loads(result.stdout.splitlines()[-1]))


def write(directory: Path, number: int, gain: torch.Tensor):
    """Writes a random transcoder in SAELens's format. It reads the norm before its gain."""
    d = gain.numel()
    target = directory / f"layer_{number}"
    target.mkdir()
    weights = {
        "W_enc": torch.randn(d, FEATURES) / d**0.5,
        "b_enc": torch.zeros(FEATURES),
        "W_dec": torch.randn(FEATURES, d) / d**0.5,
        "b_dec": torch.randn(d) / d**0.5,
        "threshold": torch.full((FEATURES,), THRESHOLD),
    }
    save_file(weights, target / "sae_weights.safetensors")
    save_file({"gain": gain}, target / "gain.safetensors")
    config = {
        "architecture": "jumprelu_transcoder",
        "d_in": d,
        "d_sae": FEATURES,
        "d_out": d,
        "dtype": "float32",
        "normalize_activations": "none",
        "apply_b_dec_to_input": False,
        "metadata": {
            "hook_name": f"blocks.{number}.ln2.hook_normalized",
            "hook_name_out": f"blocks.{number}.hook_mlp_out",
        },
    }
    (target / "cfg.json").write_text(json.dumps(config))


def compare(ours: dict, theirs: dict) -> list[Row]:
    """Compares all edges and both scores."""
    edges = {(edge["from"].split(' "')[0], edge["to"]): edge["effect"] for edge in ours["edges"]}
    targets = {node["node"]: node for node in ours["nodes"]}
    logits = {node["id"]: name for name, node in targets.items() if node["kind"] == "logit"}
    # A node without influence has no edges in Vidrio's graph.
    attributed = {name for name, node in targets.items() if node["influence"] > 0 or node["kind"] == "logit"}
    names = [logits[id_] if kind == "logit" else name for kind, id_, name in theirs["nodes"]]
    rows = [i for i, name in enumerate(names) if name in attributed]
    matrix = np.array(theirs["matrix"])[rows]
    mine = np.array([[edges.get((source, names[i]), 0) for source in names] for i in rows])
    row = "attribution graph over transcoders", "lens graph --transcoders", theirs["program"]
    found = {node["node"] for node in ours["nodes"] if node["kind"] in ("feature", "logit")}
    count = sum(name in found for name in names)
    return [
        Row(*row, f"relative error of {np.count_nonzero(matrix)} edges", error(mine, matrix), 1e-3),
        Row(*row, f"features and logits in both, of {count}", len(found) / count, 1, lower=True),
    ]
