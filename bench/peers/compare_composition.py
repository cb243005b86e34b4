"""Compares composition scores of Vidrio and of TransformerLens on one model.

    python compare_composition.py MODEL.gguf

Prints the maximum difference of the scores of all pairs of heads, for the three kinds, between
`vidrio lens composition` and the formula of `all_composition_scores` on the same weights,
dequantized to float32, with the norms folded into them: the product of the collapsed factors, a
layer at a time, because TransformerLens itself holds all products at once, 10 GB for 270 heads.
Fails if the difference exceeds 1e-4.

Needs torch, transformers, gguf, pandas and transformer-lens 4.
"""

import argparse
import json
import sys

import numpy as np
import torch
import vidrio
from compare_patching import open_bridge

KINDS = "QKV"
LIMIT = 1e-4


def scores(bridge, kind: str) -> np.ndarray:
    """Returns the scores of all pairs of heads, [H, H]; those of masked pairs are 0."""
    right = {"Q": bridge.QK, "K": bridge.QK.T, "V": bridge.OV}[kind].collapse_r()
    left = bridge.OV.collapse_l()
    layers, heads = left.shape[:2]
    scores = np.zeros((layers, heads, layers, heads))
    for layer in range(layers - 1):
        later = right[layer + 1 :]
        product = (left[layer, :, None, None] @ later).norm(dim=(-2, -1))
        norms = left[layer].norm(dim=(-2, -1))[:, None, None] * later.norm(dim=(-2, -1))
        scores[layer, :, layer + 1 :] = (product / norms).numpy()
    return scores.reshape(layers * heads, layers * heads)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    ours = json.loads(vidrio.run(arguments, "lens", "composition", "-m", arguments.model, "--json"))
    bridge = open_bridge(arguments.model)
    bridge.enable_compatibility_mode()
    worst = 0.0
    for kind in KINDS:
        table = np.array(ours[kind], dtype=float)
        with torch.no_grad():
            theirs = scores(bridge, kind)
        scored = ~np.isnan(table)
        if not np.array_equal(scored, theirs != 0):
            raise ValueError(f"{kind}: other pairs are scored")
        difference = np.abs(table - theirs)[scored].max()
        print(
            f"{kind}: {scored.sum()} pairs, scores {table[scored].min():.4f} to"
            f" {table[scored].max():.4f}, maximum difference {difference:.1e}"
        )
        worst = max(worst, difference)
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
