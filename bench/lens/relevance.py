"""Layer-wise relevance propagation against LRP eXplains Transformers (LXT)."""

import sys
from contextlib import contextmanager
from unittest.mock import MagicMock

import torch
from row import Row, error, program

TEXT = "The capital of France is Paris. The capital of Spain is"
ANSWER, WRONG = " Madrid", " Paris"


@contextmanager
def patched(rules: dict, modeling):
    """Replaces the rules of backward passes in transformers' classes while the block runs."""
    names = ("forward", "eager_attention_forward", "ALL_ATTENTION_FUNCTIONS")
    saved = [(it, name, getattr(it, name)) for it in rules for name in names if hasattr(it, name)]
    try:
        for target, patch in rules.items():
            if not patch(target):
                raise ValueError(f"{target}: LXT cannot patch it")
        # LXT 2.1 makes a dictionary of the functions; the model uses eager_attention_forward only.
        functions = {(it, name): value for it, name, value in saved}
        key = (modeling, "ALL_ATTENTION_FUNCTIONS")
        modeling.ALL_ATTENTION_FUNCTIONS = functions[key]
        yield
    finally:
        for target, name, value in saved:
            setattr(target, name, value)


def check(model) -> list[Row]:
    # LXT 2.1 opens all its models, and those not needed here use modules of older transformers.
    for name in ("bert", "gemma3", "gpt2", "qwen2", "qwen3", "vit_torch"):
        sys.modules[f"lxt.efficient.models.{name}"] = MagicMock()
    from lxt.efficient.models.llama import attnLRP, cp_LRP
    from transformers.models.llama import modeling_llama

    rows = []
    for method, rules in {"attn_lrp": attnLRP, "cp_lrp": cp_LRP}.items():
        command = ("lens", "attribute", "--method", method)
        texts = ("-p", TEXT, "--token", ANSWER, "--versus", WRONG)
        ours = model.vidrio(*command, *texts)
        with patched(rules, modeling_llama):
            theirs = relevance(model.transformers(), ours)
        rows.append(
            Row(
                {"attn_lrp": "AttnLRP", "cp_lrp": "CP-LRP"}[method],
                " ".join(command),
                program("lxt", "LXT"),
                f"relative error of {len(theirs)} scores",
                error(ours["scores"], theirs),
                1e-3,
            )
        )
    return rows


def relevance(model, ours: dict) -> torch.Tensor:
    """Returns gradient times embedding, under the rules in force, of a logit difference."""
    x = model.get_input_embeddings()(torch.tensor([ours["tokens"]])).detach().requires_grad_()
    logits = model(inputs_embeds=x, use_cache=False).logits[0, -1]
    (logits[ours["token"]] - logits[ours["versus"]]).backward()
    return (x.grad * x)[0].sum(-1).detach()
