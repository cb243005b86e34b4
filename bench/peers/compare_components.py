"""Compares the logit lens of components of Vidrio and of TransformerLens on one model and text.

    python compare_components.py MODEL-F32.gguf

Projects the outputs of all attention and feed-forward blocks and of all heads at the last token,
with the divisor of the final norm of the run: `vidrio lens logits --hooks`, and TransformerLens's
decomposition of the residual stream (decompose_resid, stack_head_results, apply_ln_to_stack) on
the same weights. Compares the values of the tokens that Vidrio lists as most promoted and demoted,
relative to their standard deviation over the vocabulary, and that deviation itself.

The weights should be F32: with quantized ones, Vidrio also rounds the activations of the forward
pass to 8 bits, TransformerLens does not. Exits with 1 if values are further apart than --limit.

Needs torch, transformers, gguf, accelerate and transformer-lens 4.
"""

import argparse
import json
import sys

import torch
import vidrio
from compare_patching import open_bridge

TEXT = "The capital of France is Paris. The capital of Spain is"
HOOKS = "hook_embed,*.hook_attn_out,*.hook_mlp_out,*.attn.hook_result"


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


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the logit lens of components.")
    parser.add_argument("model", help="GGUF file with F32 weights")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--top", type=int, default=50, help="tokens per component (default 50)")
    parser.add_argument("--limit", type=float, default=1e-3, help="maximum error (default 1e-3)")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    try:
        command = ("lens", "logits", "-m", arguments.model, "--hooks", HOOKS, "--json")
        text = ("-p", arguments.text, "--top", str(arguments.top))
        ours = json.loads(vidrio.run(arguments, *command, *text))
        values = theirs(open_bridge(arguments.model), ours["tokens"])
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    error = 0.0
    for name, (cell,) in ours["components"].items():
        row = values[name]
        deviation = float(row.std(correction=0))
        listed = cell["promoted"] + cell["demoted"]
        apart = [abs(float(row[token["id"]]) - token["logit"]) for token in listed]
        apart.append(abs(cell["standard_deviation"] - deviation))
        error = max(error, max(apart) / deviation)
    count = len(ours["components"])
    print(f"{count} components: values at most {error:.2g} standard deviations apart")
    sys.exit(error > arguments.limit)


if __name__ == "__main__":
    main()
