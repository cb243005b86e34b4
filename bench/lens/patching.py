"""Activation patching, every cell, and direct logit attribution against TransformerLens."""

import numpy as np
import torch
from row import Row, error, program

CLEAN = "When John and Mary went to the shops, John gave the bag to"
CORRUPT = "When John and Mary went to the shops, Mary gave the bag to"
ANSWER, WRONG = " Mary", " John"


def check(model) -> list[Row]:
    import transformer_lens.patching as patching

    methods = {
        "resid_pre": patching.get_act_patch_resid_pre,
        "attn_out": patching.get_act_patch_attn_out,
        "mlp_out": patching.get_act_patch_mlp_out,
        "head": patching.get_act_patch_attn_head_out_all_pos,
    }
    return [patch(model, site, method) for site, method in methods.items()] + [direct(model)]


def patch(model, site: str, method) -> Row:
    """Compares all cells of a site."""
    texts = ("--clean", CLEAN, "--corrupt", CORRUPT, "--answer", ANSWER, "--wrong", WRONG)
    ours = model.vidrio("lens", "patch", "--site", site, *texts)
    clean, corrupted = (torch.tensor([ours[f"{kind}_tokens"]]) for kind in ("clean", "corrupted"))

    def difference(logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, ours["answer"]] - logits[0, -1, ours["wrong"]]

    with torch.no_grad():
        logits, cache = model.bridge.run_with_cache(clean)
        high, low = float(difference(logits)), float(difference(model.bridge(corrupted)))
        theirs = (method(model.bridge, corrupted, cache, difference).numpy() - low) / (high - low)
    return Row(
        f"activation patching, `{site}`",
        f"lens patch --site {site}",
        program("transformer-lens", "TransformerLens"),
        f"maximum difference of {theirs.size} scores",
        float(np.abs(np.array(ours["scores"]) - theirs).max()),
        1e-3,
    )


def direct(model) -> Row:
    """Compares the parts of a logit difference by head."""
    ours = model.vidrio("lens", "dla", "-p", CLEAN, "--token", ANSWER, "--versus", WRONG)
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(torch.tensor([ours["tokens"]]))
        heads, names = cache.stack_head_results(layer=-1, pos_slice=-1, return_labels=True)
        heads = cache.apply_ln_to_stack(heads.double(), layer=-1, pos_slice=-1)[:, 0]
        unembed = model.bridge.unembed.W_U.double()
        direction = unembed[:, ours["token"]] - unembed[:, ours["versus"]]
        theirs = (heads * model.bridge.ln_final.weight.double()) @ direction
    parts = [ours["parts"][name.replace("H", ".H")] for name in names]
    return Row(
        "direct logit attribution, heads",
        "lens dla --by head",
        program("transformer-lens", "TransformerLens"),
        f"relative error of {len(names)} parts",
        error(parts, theirs),
        1e-3,
    )
