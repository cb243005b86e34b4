"""Composition scores of heads against TransformerLens's formula.

The scores are those of `all_composition_scores`: the products of the collapsed factors, here a layer
at a time, since TransformerLens computes all products at once, which are 10 GB for 270 heads.
"""

import numpy as np
import torch
from row import Row, program

KINDS = "QKV"


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


def check(model) -> list[Row]:
    ours = model.vidrio("lens", "composition")
    folded = model.open_bridge()
    folded.enable_compatibility_mode()
    rows = []
    for kind in KINDS:
        table = np.array(ours[kind], dtype=float)
        with torch.no_grad():
            theirs = scores(folded, kind)
        scored = ~np.isnan(table)
        if not np.array_equal(scored, theirs != 0):
            raise ValueError(f"{kind}: other pairs are scored")
        rows.append(
            Row(
                f"{kind}-composition",
                "lens composition",
                program("transformer-lens", "TransformerLens"),
                f"maximum difference of {scored.sum()} scores",
                float(np.abs(table - theirs)[scored].max()),
                1e-4,
            )
        )
    return rows
