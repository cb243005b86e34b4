"""Edits of activations and ablated heads against hooks of TransformerLens.

An edit changes the run of one text; the logits after all tokens are compared. The frozen divisor is
that of another text, so that a norm is the linear map of that text. Heads are ablated one at a time
by zeros and by their means over chunks of a page without the first token of each.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from page import PAGES
from row import Row, error, program
from safetensors.torch import load_file

TEXT = "When John and Mary went to the shops, John gave the bag to"
OTHER = "When John and Mary went to the shops, Mary gave the bag to"
ANSWER, WRONG = " Mary", " John"
LOGITS = "unembed.hook_out"
# Layers with ablated heads, the characters of the page, and the tokens of a chunk.
LAYERS, CHARACTERS, LENGTH = (0, 18, 23), 1000, 128


def replaced(value: torch.Tensor, index, part) -> torch.Tensor:
    """Returns a copy of a value [1, n, …] with another part."""
    value = value.clone()
    value[index] = part
    return value


# Each edit as lens edit reads it, its hook, and the function of TransformerLens's value and that of
# the other text.
EDITS = {
    "frozen divisor": (
        "blocks.12.ln1.hook_scale",
        f" patch '{OTHER}'",
        lambda value, other: other,
    ),
    "patched stream": (
        "blocks.9.hook_resid_post",
        f"[4:] patch '{OTHER}'",
        lambda value, other: replaced(value, np.s_[:, 4:], other[:, 4:]),
    ),
    "zeroed head": (
        "blocks.18.attn.hook_z",
        "[:, 3] zero",
        lambda value, other: replaced(value, np.s_[:, :, 3], 0),
    ),
    "scaled feed-forward block": (
        "blocks.5.hook_mlp_out",
        "[2:5] scale 3",
        lambda value, other: replaced(value, np.s_[:, 2:5], 3 * value[:, 2:5]),
    ),
    "clamped neurons": (
        "blocks.20.mlp.hook_post",
        " clamp -0.5 0.5",
        lambda value, other: value.clamp(-0.5, 0.5),
    ),
}


def run(model, text: str, *options: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the tokens [1, n] and the logits [n, V] of a text in Vidrio."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cache.safetensors"
        model.run("lens", "cache", "-p", text, "--hooks", LOGITS, *options, "-o", str(path))
        found = load_file(path)
    return found["tokens"].long()[None], found[LOGITS]


def edits(model) -> list[Row]:
    """Compares the logits of edited runs."""
    other, _ = run(model, OTHER)
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(other)
    rows = []
    for name, (hook, edit, change) in EDITS.items():
        tokens, ours = run(model, TEXT, "--edit", hook + edit)

        def changed(value, hook, change=change):
            return change(value, cache[hook.name])

        with torch.no_grad():
            theirs = model.bridge.run_with_hooks(tokens, fwd_hooks=[(hook, changed)])[0]
        rows.append(
            Row(
                f"edit, {name}",
                "lens edit",
                program("transformer-lens", "TransformerLens"),
                f"relative error of the logits after {len(theirs)} tokens",
                error(ours, theirs),
                1e-3,
            )
        )
    return rows


def means(model, file: str) -> dict[int, torch.Tensor]:
    """Returns the mean outputs of the heads of layers, [H, d_h], over the chunks of a file."""
    begin = model.tokenizer.encode("")
    ids = model.tokenizer.encode(Path(file).read_text())[len(begin) :]
    step = LENGTH - len(begin)
    chunks = [begin + ids[i : i + step] for i in range(0, len(ids), step)]
    sums = {layer: [] for layer in LAYERS}
    for chunk in chunks:
        with torch.no_grad():
            _, cache = model.bridge.run_with_cache(torch.tensor([chunk]))
        for layer in LAYERS:
            sums[layer].append(cache[f"blocks.{layer}.attn.hook_z"][0, 1:].double())
    return {layer: torch.cat(rows).mean(0).float() for layer, rows in sums.items()}


def ablations(model) -> list[Row]:
    """Compares the logit difference without each head."""
    page = model.file((PAGES / "components.md").read_text()[:CHARACTERS])
    texts = ("-p", TEXT, "--token", ANSWER, "--versus", WRONG)
    options = (*texts, "--layers", ",".join(map(str, LAYERS)))
    rows = []
    for by, more in {"zero": (), "mean": ("--mean-of", page)}.items():
        ours = model.vidrio("lens", "ablate", *options, *more)
        values = means(model, page) if more else {}
        theirs = []
        for layer in LAYERS:
            count = len(ours["columns"])
            parts = values[layer] if more else torch.zeros(count, 1)

            def ablated(value, hook, parts=parts):
                # Head h of row h.
                value = value.clone()
                for head, part in enumerate(parts):
                    value[head, :, head] = part
                return value

            with torch.no_grad():
                logits = model.bridge.run_with_hooks(
                    torch.tensor([ours["tokens"]] * count),
                    fwd_hooks=[(f"blocks.{layer}.attn.hook_z", ablated)],
                )[:, -1]
            theirs += (logits[:, ours["token"]] - logits[:, ours["versus"]]).tolist()
        rows.append(
            Row(
                f"{by} ablation",
                "lens ablate",
                program("transformer-lens", "TransformerLens"),
                f"maximum difference of {len(theirs)} heads, by the logit difference",
                float(np.abs(np.ravel(ours["without"]) - theirs).max() / abs(ours["metric"])),
                1e-3,
            )
        )
    return rows


def check(model) -> list[Row]:
    return edits(model) + ablations(model)
