"""Crosscoders that `lens sae train-cross` writes, in dictionary_learning.

The program is a checkout of https://github.com/jkminder/dictionary_learning, the fork with
crosscoders. Its file dictionary.py is imported alone: the package needs more programs.
"""

import importlib.util
import sys
import tempfile
import types
from pathlib import Path

import torch
from dictionaries import activations, compare, features, trained
from models import BARD, Model
from row import Row


def program(checkout: str):
    package = types.ModuleType("checkout")
    package.__path__ = []
    utils = types.ModuleType("checkout.utils")
    utils.set_decoder_norm_to_unit_norm = None
    path = Path(checkout) / "dictionary_learning/dictionary.py"
    spec = importlib.util.spec_from_file_location("checkout.dictionary", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.update({"checkout": package, "checkout.utils": utils, spec.name: module})
    spec.loader.exec_module(module)
    return module


def check(model: Model, checkout: str) -> list[Row]:
    classes = program(checkout)
    bard = Model(BARD, model.arguments)
    inputs = torch.stack(activations(bard, "hook_resid_post"), dim=1)
    rows = []
    for kind, opened, options in [
        ("BatchTopK", classes.BatchTopKCrossCoder, ("-k", "16")),
        ("ReLU", classes.CrossCoder, ("--penalty", "0.5")),
    ]:
        with tempfile.TemporaryDirectory() as directory:
            trained(bard, directory, "--hook", "*.hook_resid_post", *options)
            # The default of CrossCoder is None, which its own constructor rejects.
            crosscoder = opened.from_pretrained(directory, from_hub=True, target_rms=1.0)
            theirs = crosscoder.encode(inputs).detach().numpy()
            ours = features(bard, directory, theirs.shape[1])
        rows += compare(f"crosscoder of layers, {kind}", "dictionary_learning", ours, theirs)
    return rows
