"""Compares statistics of attention heads of Vidrio and of TransformerLens on one text.

    python compare_heads.py MODEL.gguf --length 128 < text

Prints the maximum and mean differences over all heads of the scores of `vidrio lens corpus` and of
TransformerLens's patterns on the same weights, dequantized to float32: the weights on the previous,
the first and the own position, on duplicate tokens and for induction (the detection patterns of its
`head_detector`, as means over the queries that have such a key), entropy and mean distance.

Patterns differ since Vidrio multiplies 8-bit activations unless the file has F32 weights; the limit,
1e-4, is for those.

Needs torch, transformers, gguf, pandas and transformer-lens 4.
"""

import argparse
import json
import sys
import tempfile

import numpy as np
import torch
import vidrio
from compare_patching import open_bridge

LIMIT = 1e-4
SCORES = ["previous", "first", "current", "duplicate", "induction", "entropy_bits", "distance"]


def scores(pattern: np.ndarray, tokens: list[int]) -> dict[str, np.ndarray]:
    """Returns the scores of all heads of a layer, [H], from its patterns, [H, n, n]."""
    n = len(tokens)
    ids = np.array(tokens)
    query, key = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    same = np.tril(ids[:, None] == ids[None, :], -1)
    after = np.zeros_like(same)
    after[:, 1:] = same[:, :-1] & (key[:, 1:] < query[:, 1:])
    repeats = same[1:].any(axis=1).sum()
    rows = pattern[:, 1:]
    logarithm = np.log2(np.where(rows > 0, rows, 1))
    return {
        "previous": np.diagonal(pattern, -1, 1, 2).mean(axis=1),
        "first": rows[:, :, 0].mean(axis=1),
        "current": np.diagonal(pattern, 0, 1, 2)[:, 1:].mean(axis=1),
        "duplicate": (rows * same[1:]).sum(axis=(1, 2)) / repeats,
        "induction": (rows * after[1:]).sum(axis=(1, 2)) / repeats,
        "entropy_bits": -(rows * logarithm).sum(axis=2).mean(axis=1),
        "distance": (rows * (query - key)[1:]).sum(axis=2).mean(axis=1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--length", type=int, default=128, help="tokens of the text that are used")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    model = ["-m", arguments.model]
    text = sys.stdin.read()
    tokens = json.loads(vidrio.run(arguments, "tokenize", *model, "--ids", text))[: arguments.length]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(tokens, file)
        file.flush()
        options = ["--ids", file.name, "--length", str(len(tokens)), "--units", "heads", "--json"]
        ours = json.loads(vidrio.run(arguments, "lens", "corpus", *model, *options))
    bridge = open_bridge(arguments.model)
    with torch.no_grad():
        _, cache = bridge.run_with_cache(torch.tensor([tokens]))
    layers = bridge.cfg.n_layers
    theirs = [
        scores(cache[f"blocks.{layer}.attn.hook_pattern"][0].double().numpy(), tokens)
        for layer in range(layers)
    ]
    worst = 0.0
    for name in SCORES:
        expected = np.concatenate([layer[name] for layer in theirs])
        found = np.array([head[name] for head in ours["heads"]])
        difference = np.abs(found - expected)
        print(
            f"{name:12} {len(found)} heads, {expected.min():.3f} to {expected.max():.3f},"
            f" maximum difference {difference.max():.1e}, mean {difference.mean():.1e}"
        )
        worst = max(worst, (difference / max(1, np.abs(expected).max())).max())
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
