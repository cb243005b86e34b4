"""The logit lens of streams and components against TransformerLens's parts of the residual stream.

The stream after each layer has a divisor of its own; the logits of the tokens that Vidrio lists as
most probable are compared as their logarithms of probabilities.

All outputs of attention and feed-forward blocks and of heads are projected at the last token, with
the divisor of the final norm of the run. Values of the tokens that Vidrio lists as most promoted and
demoted are compared relative to their standard deviation over the vocabulary.
"""

import math

import torch
from row import Row, program

TEXT = "The capital of France is Paris. The capital of Spain is"
HOOKS = "hook_embed,*.hook_attn_out,*.hook_mlp_out,*.attn.hook_result"
TOP = 50


def theirs(bridge, tokens: list[int]) -> dict[str, torch.Tensor]:
    """Returns what each component adds to the logits [V] after the last token."""
    with torch.no_grad():
        _, cache = bridge.run_with_cache(torch.tensor([tokens]))
        last = {"layer": -1, "pos_slice": -1}
        blocks, names = cache.decompose_resid(**last, return_labels=True)
        heads, head_names = cache.stack_head_results(**last, return_labels=True)
        stack = torch.cat([blocks, heads]).double()
        normalized = cache.apply_ln_to_stack(stack, **last)
        gain = bridge.ln_final.weight.double()
        logits = (normalized * gain)[:, 0] @ bridge.unembed.W_U.double()
    return dict(zip(map(vidrio_name, names + head_names), logits))


def vidrio_name(name: str) -> str:
    """Returns Vidrio's name of a component: L3.attn for 3_attn_out, L3.H7 for L3H7."""
    if name.startswith("L"):
        return name.replace("H", ".H")
    layer, _, part = name.partition("_")
    return f"L{layer}.{part.removesuffix('_out')}" if layer.isdigit() else name


def streams(model) -> Row:
    """Compares the probabilities of the logit lens after all layers, at all tokens."""
    ours = model.vidrio("lens", "logits", "-p", TEXT, "--top", str(TOP))
    error, count = 0.0, 0
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(torch.tensor([ours["tokens"]]))
        gain, unembed = model.bridge.ln_final.weight, model.bridge.unembed.W_U
        for hook, cells in ours["hooks"].items():
            stream = cache[hook][0]
            size = (stream.square().mean(-1, keepdim=True) + model.bridge.cfg.eps).sqrt()
            theirs = ((stream / size * gain) @ unembed).double().log_softmax(-1)
            for row, cell in zip(theirs, cells, strict=True):
                for token in cell["top"]:
                    apart = abs(math.log(token["probability"]) - float(row[token["id"]]))
                    error, count = max(error, apart), count + 1
    return Row(
        "logit lens",
        "lens logits",
        program("transformer-lens", "TransformerLens"),
        f"maximum difference of the logarithms of {count} probabilities after"
        f" {len(ours['hooks'])} layers",
        error,
        1e-3,
    )


def check(model) -> list[Row]:
    ours = model.vidrio("lens", "logits", "--hooks", HOOKS, "-p", TEXT, "--top", str(TOP))
    values = theirs(model.bridge, ours["tokens"])
    error = 0.0
    for name, (cell,) in ours["components"].items():
        row = values[name]
        deviation = float(row.std(correction=0))
        listed = cell["promoted"] + cell["demoted"]
        apart = [abs(float(row[token["id"]]) - token["logit"]) for token in listed]
        apart.append(abs(cell["standard_deviation"] - deviation))
        error = max(error, max(apart) / deviation)
    return [
        streams(model),
        Row(
            "logit lens of components",
            "lens logits --hooks",
            program("transformer-lens", "TransformerLens"),
            f"maximum difference of {len(ours['components'])} components, in standard deviations",
            error,
            1e-3,
        )
    ]
