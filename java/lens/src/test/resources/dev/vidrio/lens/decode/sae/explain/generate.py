"""Writes delphi.json: marked texts, parsed answers and measures by the functions of delphi.

    python generate.py CHECKOUT

CHECKOUT is one of github.com/EleutherAI/delphi (commit 3c2e139), or the source of eai-delphi 0.1.3.
The functions are taken from its files alone, since the package needs many others. Requires torch,
pandas and scikit-learn.
"""

import ast
import json
import logging
import random
import re
import sys
from collections import deque
from collections.abc import Callable
from itertools import groupby
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

DELPHI = Path(sys.argv[1]) / "delphi"
HERE = Path(__file__).resolve().parent
WORDS = ["The", " king", " is", " dead", ",", " long", " live", " the", "\n", " queen", "é", ""]


class Example(SimpleNamespace):
    @property
    def max_activation(self):
        return float(self.activations.max())


def function(file, name):
    """Returns a function or method of a file."""
    tree = ast.parse((DELPHI / file).read_text())
    found = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name)
    names = dict(
        ActivatingExample=Example,
        NonActivatingExample=Example,
        Any=Any,
        Callable=Callable,
        L="<<",
        Literal=Literal,
        R=">>",
        ceil=ceil,
        deque=deque,
        groupby=groupby,
        json=json,
        logger=logging,
        np=np,
        pd=pd,
        random=random,
        re=re,
        torch=torch,
    )
    module = ast.Module([found], [])
    if name == "_prepare_text":
        module.body.insert(0, next(n for n in tree.body if getattr(n, "name", "") == "_highlight"))
    exec(compile(module, file, "exec"), names)
    return names[name]


highlight = function("explainers/explainer.py", "_highlight")
parse_explanation = function("explainers/explainer.py", "parse_explanation")
prepare = function("scorers/classifier/sample.py", "_prepare_text")
mean_active = function("scorers/classifier/fuzz.py", "mean_n_activations_ceil")
parse = function("scorers/classifier/classifier.py", "_parse")
parse_logprobs = function("scorers/classifier/classifier.py", "_parse_logprobs")
normalize = function("latents/samplers.py", "normalize_activations")
confusion = function("log/result_analysis.py", "compute_confusion")
metrics = function("log/result_analysis.py", "compute_classification_metrics")


def examples(rng):
    """Returns texts with activations, marked for explanations and for fuzzing."""
    rows = []
    for _ in range(12):
        n = rng.randint(1, 12)
        tokens = [rng.choice(WORDS) for _ in range(n)]
        values = [round(rng.uniform(0, 9), 3) if rng.random() < 0.5 else 0.0 for _ in range(n)]
        values[rng.randrange(n)] = round(rng.uniform(5, 12), 3)
        example = Example(str_tokens=tokens, activations=torch.tensor(values))
        normalize([example], 12.0)
        rows.append(
            dict(
                tokens=tokens,
                activations=values,
                explained=highlight(SimpleNamespace(threshold=0.3), tokens, values),
                tested=prepare(example, 0, 0.3, True)[0],
                strengths=[int(v) for v in example.normalized_activations],
            )
        )
    return rows


def answers():
    """Returns answers with their labels, or null for malformed ones."""
    rows = []
    for text in [
        "[1,0,1]",
        "Sure! [0, 0, 1] and [1,1,1]",
        "[true, false, true]",
        "[1.0, 0, 1]",
        "[1,0]",
        "[1,0,1,1]",
        "1,0,1",
        "[one, two, three]",
        "[1,\n0,1]",
        "[1, 0, 1",
        "",
        "[[1,0,1]]",
    ]:
        try:
            labels, _ = parse(SimpleNamespace(n_examples_shown=3), text)
            labels = [bool(label) for label in labels]
        except Exception:
            labels = None
        rows.append(dict(text=text, labels=labels))
    return rows


def explanations():
    return [
        dict(text=text, explanation=" ".join(parse_explanation(None, text).split()))
        for text in [
            "[EXPLANATION]: names of rivers",
            "The words are all rivers.\n[EXPLANATION]:  names\nof rivers \n",
            "[EXPLANATION]: first\n[EXPLANATION]: second",
        ]
    ]


def scores(rng):
    """Returns classifications with their counts and measures."""
    rows = []
    for n in [1, 2, 7, 40, 40, 40]:
        truth = [rng.random() < 0.5 for _ in range(n)]
        predictions = [None if rng.random() < 0.1 else rng.random() < 0.6 for _ in range(n)]
        valid = [p for p in predictions if p is not None]
        if not valid:
            continue
        counts = confusion(
            pd.DataFrame(
                dict(
                    activating=[t for t, p in zip(truth, predictions) if p is not None],
                    prediction=[float(p) for p in valid],
                )
            )
        )
        measures = metrics(counts)
        rows.append(
            dict(
                truth=truth,
                predictions=predictions,
                accuracy=float(measures["accuracy"]),
                precision=float(measures["precision"]),
                recall=float(measures["recall"]),
                f1=float(measures["f1_score"]),
            )
        )
    return rows


def probabilities(rng):
    """Returns answers with the likeliest tokens, and the probabilities of 1, or null."""
    rows = []
    for texts in [["[", "1", ",", "0", ",", "1", "]"], ["[", "1", ", 0", "]"], ["[1", ",0,", " 1]"]]:
        tokens = [
            dict(
                token=text,
                top=[
                    dict(token=rng.choice(["0", "1", " 1", ",", text]), logprob=-rng.expovariate(1))
                    for _ in range(5)
                ],
            )
            for text in texts
        ]
        given = [
            SimpleNamespace(
                token=token["token"], top_logprobs=[SimpleNamespace(**top) for top in token["top"]]
            )
            for token in tokens
        ]
        try:
            values = parse_logprobs(SimpleNamespace(n_examples_shown=3), given)
        except AssertionError:
            values = None
        rows.append(dict(tokens=tokens, probabilities=values))
    return rows


def areas(rng):
    """Returns probabilities of texts of both kinds, and the area under the curve."""
    rows = []
    for n in [2, 5, 40, 40]:
        truth = [i % 2 == 0 for i in range(n)]
        values = [round(rng.random() + 0.2 * t, 1) for t in truth]
        rows.append(
            dict(
                yes=[v for v, t in zip(values, truth) if t],
                no=[v for v, t in zip(values, truth) if not t],
                area=float(roc_auc_score(truth, values)),
            )
        )
    return rows


def main():
    rng = random.Random(0)
    texts = examples(rng)
    tensors = [Example(activations=torch.tensor(text["activations"])) for text in texts]
    result = dict(
        examples=texts,
        marks=mean_active(None, tensors),
        answers=answers(),
        explanations=explanations(),
        scores=scores(rng),
        probabilities=probabilities(rng),
        areas=areas(rng),
    )
    lines = ",\n".join(
        f" {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items()
    )
    (HERE / "delphi.json").write_text("{\n" + lines + "\n}\n")


main()
