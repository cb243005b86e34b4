"""Compares activation patching of Vidrio and of TransformerLens on one model and pair of texts.

    python compare_patching.py MODEL.gguf --threads 2

Patches the residual stream by layer and position, and the heads by layer, denoising, with the
logit difference of two answers as metric: `vidrio lens patch` on the quantized weights, and
TransformerLens on the same weights dequantized to float32, with the token ids that Vidrio gives.
Prints patches per second of both, their ratio, and how far the scores are apart: the quantized
forward pass rounds activations to 8 bits, TransformerLens does not.

TransformerLens patches with a forward pass for each cell, so a part of its cells (--share) is
enough for its speed; those are what scores are compared on. The machine must be idle.

Needs torch, transformers, gguf, pandas and transformer-lens 4.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformer_lens.patching as patching
import vidrio
from transformer_lens.model_bridge import TransformerBridge

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lens"))
from models import Model  # noqa: E402

CLEAN = "When John and Mary went to the shops, John gave the bag to"
CORRUPT = "When John and Mary went to the shops, Mary gave the bag to"
# What TransformerLens calls each site, its axes, and how it patches them.
SITES = {
    "resid_pre": ("resid_pre", ["layer", "pos"], patching.layer_pos_patch_setter),
    "head": ("z", ["layer", "head"], patching.layer_head_vector_patch_setter),
}


def theirs(bridge: TransformerBridge, ours: dict, site: str, share: float) -> tuple[float, dict]:
    """Returns cells per second of TransformerLens, and its scores by (row, column)."""
    clean = torch.tensor([ours["clean_tokens"]])
    corrupted = torch.tensor([ours["corrupted_tokens"]])

    def difference(logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, ours["answer"]] - logits[0, -1, ours["wrong"]]

    rows = max(1, round(share * len(ours["rows"])))
    layers = np.linspace(0, len(ours["rows"]) - 1, rows).round().astype(int)
    with torch.no_grad():
        clean_logits, cache = bridge.run_with_cache(clean)
        high, low = float(difference(clean_logits)), float(difference(bridge(corrupted)))
        index = [(layer, column) for layer in layers for column in range(len(ours["columns"]))]
        activation, axes, setter = SITES[site]
        start = time.monotonic()
        values = patching.generic_activation_patch(
            bridge,
            corrupted,
            cache,
            difference,
            setter,
            activation,
            index_df=pd.DataFrame(index, columns=axes),
        )
        seconds = time.monotonic() - start
    scores = ((values - low) / (high - low)).tolist()
    return len(index) / seconds, dict(zip(index, scores))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the speed of activation patching.")
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--clean", default=CLEAN)
    parser.add_argument("--corrupt", default=CORRUPT)
    parser.add_argument("--answer", default=" Mary", help="a token of the clean text")
    parser.add_argument("--wrong", default=" John")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--share", type=float, default=0.1, help="of the layers, for TransformerLens (default 0.1)"
    )
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    try:
        bridge = Model(arguments.model, arguments).bridge
        for site in SITES:
            compare(arguments, bridge, site)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


def compare(arguments, bridge: TransformerBridge, site: str) -> None:
    ratios = []
    for _ in range(arguments.rounds):
        command = ("lens", "patch", "-m", arguments.model, "--site", site, "--json")
        texts = ("--clean", arguments.clean, "--corrupt", arguments.corrupt)
        answers = ("--answer", arguments.answer, "--wrong", arguments.wrong)
        ours = json.loads(vidrio.run(arguments, *command, *texts, *answers))
        cells = len(ours["rows"]) * len(ours["columns"])
        rate = cells / ours["seconds"]
        their_rate, scores = theirs(bridge, ours, site, arguments.share)
        ratios.append(rate / their_rate)
        print(f"{site}: vidrio {rate:.1f}/s of {cells}, TransformerLens {their_rate:.2f}/s")
    apart = [abs(ours["scores"][row][column] - score) for (row, column), score in scores.items()]
    print(
        f"{site}: ratio {np.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f});"
        f" scores apart {np.mean(apart):.4f} in the mean, {max(apart):.4f} at most"
    )


if __name__ == "__main__":
    main()
