"""Distributed alignment search against pyvene, on the embedded model.

The stream of the last token of "And the queen and" holds the gender of the noun: interchanged along
a few directions, the pronoun that follows becomes that of the other text. Both programs learn the
directions from the same interchanges with as many steps of Adam over all of them, of the same size,
from several seeds. pyvene measures both on interchanges that neither has seen.
"""

import random
import tempfile
from pathlib import Path

import numpy as np
import pyvene
import torch
from models import BARD, Model
from row import Row, program
from safetensors.torch import load_file

LAYER, RANK, STEPS, SEEDS = 2, 2, 20, 4
TRAIN, TEST = 60, 200
# lens align tests one of this many lines.
ASIDE = 4
# Relative to the elements of a unit vector, as lens align has it.
RATE = 0.1

# Single tokens of the embedded model.
MALE = "king lord father son brother man prince duke husband uncle boy gentleman".split()
FEMALE = "queen lady mother daughter sister woman wife girl madam mistress maid".split()
BEGINNINGS = "And But For Now Then When Where So".split()
# "And the king and" after BOS.
TOKENS = 5


def interchanges(model, llm) -> list[list[str]]:
    """Returns lines of a base, a source, the answer with the source's value, and the base's own.

    The model continues both texts by the right pronoun.
    """
    texts = [
        (f"{beginning} the {noun} and", own, other)
        for beginning in BEGINNINGS
        for nouns, own, other in ((MALE, " his", " her"), (FEMALE, " her", " his"))
        for noun in nouns
    ]
    texts = [text for text in texts if len(model.tokenizer.encode(text[0])) == TOKENS]
    right = [text for text in texts if prefers(model, llm, *text)]
    pairs = [
        [base, source, other, own]
        for base, own, other in right
        for source, pronoun, _ in right
        if pronoun == other
    ]
    random.Random(0).shuffle(pairs)
    return pairs


def token(model, text: str) -> int:
    return model.tokenizer.encode(text, add_special_tokens=False)[0]


def prefers(model, llm, text: str, own: str, other: str) -> bool:
    """Returns whether the model's logit of its own pronoun is the larger one."""
    with torch.no_grad():
        last = llm(torch.tensor([model.tokenizer.encode(text)])).logits[0, -1]
    return bool(last[token(model, own)] > last[token(model, other)])


def encoded(model, rows: list[list[str]]) -> list[torch.Tensor]:
    """Returns bases and sources, [n, TOKENS], answers with the source's value and own ones, [n]."""
    texts = [[model.tokenizer.encode(row[i]) for row in rows] for i in (0, 1)]
    answers = [[token(model, row[i]) for row in rows] for i in (2, 3)]
    return [torch.tensor(column) for column in texts + answers]


def opened(llm):
    """Returns the model in pyvene, with an intervention on a subspace of the stream."""
    config = pyvene.IntervenableConfig(
        [pyvene.RepresentationConfig(LAYER, "block_output", "pos", 1, low_rank_dimension=RANK)],
        pyvene.LowRankRotatedSpaceIntervention,
    )
    intervenable = pyvene.IntervenableModel(config, llm)
    intervenable.disable_model_gradients()
    (intervention,) = intervenable.interventions.values()
    return intervenable, intervention


def logits(intervenable, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Returns the logits [n, V] after bases with interchanges at the last tokens."""
    _, output = intervenable(
        {"input_ids": base}, [{"input_ids": source}], {"sources->base": TOKENS - 1}
    )
    return output.logits[:, -1]


def learn(intervenable, intervention, data: list[torch.Tensor], seed: int) -> None:
    """Learns the subspace from its start by a seed."""
    base, source, answer, _ = data
    torch.manual_seed(seed)
    width = intervention.rotate_layer.weight.shape[0]
    intervention.rotate_layer.weight = torch.nn.init.orthogonal_(torch.empty(width, RANK))
    optimizer = torch.optim.Adam(intervention.parameters(), lr=RATE / width**0.5, betas=(0.9, 0.99))
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(intervenable, base, source), answer)
        loss.backward()
        optimizer.step()


def accuracy(intervenable, data: list[torch.Tensor]) -> float:
    """Returns the portion of interchanges that make the expected answer the more likely one."""
    base, source, answer, own = data
    with torch.no_grad():
        found = logits(intervenable, base, source)
    each = torch.arange(len(base))
    return float((found[each, answer] > found[each, own]).float().mean())


def check(model) -> list[Row]:
    model = Model(BARD, model.arguments)
    llm = model.transformers()
    rows = interchanges(model, llm)
    lines = TRAIN * ASIDE // (ASIDE - 1)
    file = model.file("".join("\t".join(row) + "\n" for row in rows[:lines]))
    train = encoded(model, [row for i, row in enumerate(rows[:lines]) if i % ASIDE != ASIDE - 1])
    aside = encoded(model, rows[ASIDE - 1 : lines : ASIDE])
    test = encoded(model, rows[lines : lines + TEST])
    intervenable, intervention = opened(llm)
    hook = f"blocks.{LAYER}.hook_resid_post"
    ours, theirs, apart = [], [], []
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as directory:
            output = str(Path(directory) / "directions.safetensors")
            options = ("-f", file, "--hooks", hook, "-k", str(RANK))
            options += ("--steps", str(STEPS), "--seed", str(seed), "-o", output)
            found = model.vidrio("lens", "align", *options)
            directions = load_file(output)[hook]
        intervention.rotate_layer.weight = directions.T.contiguous()
        ours.append(accuracy(intervenable, test))
        apart.append(abs(found["hooks"][hook]["accuracy"] - accuracy(intervenable, aside)))
        learn(intervenable, intervention, train, seed)
        theirs.append(accuracy(intervenable, test))
    return [
        Row(
            "interchange along learned directions",
            "lens align",
            program("pyvene"),
            f"maximum difference of the accuracy of {len(aside[0])} interchanges, {SEEDS} seeds",
            max(apart),
            1e-3,
        ),
        Row(
            "distributed alignment search",
            "lens align",
            program("pyvene"),
            f"difference of the accuracy of {TEST} held-out interchanges, {np.mean(ours):.3f} and"
            f" {np.mean(theirs):.3f}, means of {SEEDS} seeds",
            abs(float(np.mean(ours) - np.mean(theirs))),
            0.03,
        ),
    ]
