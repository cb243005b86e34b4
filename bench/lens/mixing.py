"""ALTI and ALTI-Logit against the program of their authors.

The program is a checkout of https://github.com/mt-upc/logit-explanations. It supports models with
layer norms and without grouped heads, so the model is the small random OPT of the tests.
"""

import json
import os
import sys
from contextlib import contextmanager

import torch
from models import FIXTURES, Model
from row import Row, error
from transformers import AutoModelForCausalLM

IDS = [2, 17, 5, 40, 31, 8, 22, 9, 50, 13]


@contextmanager
def inside(directory: str):
    """Runs a block in the directory of the program, which it reads its configuration from."""
    before = os.getcwd()
    os.chdir(directory)
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)
        os.chdir(before)


def theirs(program: str, ids: list[int], token: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Returns the shares [i, j] of each layer, and what each token adds to a logit, rolled out."""
    model = AutoModelForCausalLM.from_pretrained(FIXTURES / "opt", attn_implementation="eager")
    model.eval()
    with inside(program), torch.no_grad():
        from src.contributions import ModelWrapper

        wrapper = ModelWrapper(model)
        inputs = {"input_ids": torch.tensor([ids])}
        _, states, attentions = wrapper(inputs)
        logits, modules, mixing = wrapper.get_logit_contributions(states, attentions, [token])
    shares = []
    for distances, sums in zip(mixing["layerwise_contributions"], mixing["attn_res_outputs"]):
        nearness = (distances + sums.norm(p=1, dim=-1, keepdim=True)).clip(min=0)
        shares.append(nearness / nearness.sum(-1, keepdim=True))
    added, rolled = torch.zeros(len(ids)), torch.eye(len(ids))
    added[-1] = modules["init_logit"][0]
    for layer, share in enumerate(shares):
        added += logits["aff_x_j"][layer, -1, 0] @ rolled
        rolled = share @ rolled
    return shares, added


def check(model, program: str) -> list[Row]:
    opt = Model(str(FIXTURES / "opt"), model.arguments)
    ids = ("--ids", opt.file(json.dumps(IDS)))
    ours = opt.vidrio("lens", "mixing", "--by", "alti", *ids)
    logit = opt.vidrio("lens", "dla", "--by", "token", *ids)
    shares, added = theirs(program, IDS, logit["token"])
    last = [layer["shares"] for layer in ours["layers"]]
    return [
        Row(
            "ALTI",
            "lens mixing --by alti",
            "the authors' program",
            f"relative error of {len(shares) * len(IDS)} shares",
            error(last, [share[-1] for share in shares]),
            1e-4,
        ),
        Row(
            "ALTI-Logit",
            "lens dla --by token",
            "the authors' program",
            f"relative error of {len(IDS)} parts",
            error([logit["parts"][part] for part in logit["parts"] if "token" in part], added),
            1e-4,
        ),
    ]
