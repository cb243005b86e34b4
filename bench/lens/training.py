"""Steps of `lens sae train` against SAELens's trainer: equal weights, batches and settings.

Trains on the embedded model in F32, on one chunk of a text. Checkpoints have the weights: a run of
one step with a rate near 0 gives the drawn ones. SAELens trains from these and its own initial
biases and thresholds, on the same batches, and opens the files that Vidrio wrote. It is in an
environment of its own, a directory with bin/python, since it needs an older TransformerLens
(saelens_trainer.py).
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from dictionaries import CORPUS
from models import BARD, Model
from row import Row, error
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

HOOK = "blocks.1.hook_resid_post"
TEXT = CORPUS.read_text()[:340]
FEATURES, BATCH, STEPS, DEAD_AFTER, RATE, SEED = 96, 32, 60, 8, 2e-3, 5
JUMP = {"l0_coefficient": 1.0, "jumprelu_bandwidth": 0.5, "jumprelu_init_threshold": 0.1}
JUMPS = ("--kind", "jumprelu", "--bandwidth", "0.5", "--threshold", "0.1")

# The options of the command; the class of SAELens and its settings.
KINDS = {
    "ReLU": (
        ("--kind", "standard", "--penalty", "2", "--warm-up", "20", "--dead-weight", "0"),
        "Standard",
        {"l1_coefficient": 2.0, "l1_warm_up_steps": 20},
    ),
    "TopK": (("--kind", "topk", "-k", "8"), "TopK", {"k": 8}),
    "AbsTopK": (("--kind", "abstopk", "-k", "8"), "AbsTopK", {"k": 8}),
    "matching pursuit": (
        ("--kind", "matching_pursuit", "-k", "8", "--residual", "4"),
        "MatchingPursuit",
        {"max_iterations": 8, "residual_threshold": 4.0},
    ),
    "BatchTopK": (("--kind", "batchtopk", "-k", "8"), "BatchTopK", {"k": 8}),
    "Matryoshka": (
        ("--kind", "matryoshka", "-k", "8", "--widths", "16,48"),
        "MatryoshkaBatchTopK",
        {"k": 8, "matryoshka_widths": [16, 48, FEATURES]},
    ),
    "gated": (
        ("--kind", "gated", "--penalty", "2", "--dead-weight", "0"),
        "Gated",
        {"l1_coefficient": 2.0},
    ),
    "JumpReLU": (JUMPS, "JumpReLU", JUMP),
    "JumpReLU, tanh": (
        (*JUMPS, "--form", "tanh", "--pre-act", "0.003", "--ste-encoder"),
        "JumpReLU",
        JUMP
        | {
            "jumprelu_sparsity_loss_mode": "tanh",
            "pre_act_loss_coefficient": 0.003,
            "jumprelu_ste_to_input": True,
        },
    ),
    "JumpReLU, quadratic": (
        (*JUMPS, "--form", "quadratic", "-k", "12"),
        "JumpReLU",
        JUMP | {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 12.0},
    ),
}


def order(count: int, seed: int) -> list[int]:
    """Returns the order of a round of Vidrio's trainings, drawn by SplitMix64."""
    mask, state, drawn = (1 << 64) - 1, seed, []
    for i in range(count):
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        j = int(((z ^ z >> 31) >> 11) * 2.0**-53 * (i + 1))
        drawn.append(i)
        drawn[i], drawn[j] = drawn[j], i
    return drawn


def batches(rows: np.ndarray) -> np.ndarray:
    """Returns the rows of all steps. Rounds have all rows in random order, but for a rest."""
    whole = len(rows) // BATCH * BATCH
    rounds = -(-STEPS * BATCH // whole)
    chosen = [i for r in range(rounds) for i in order(len(rows), SEED + r + 1)[:whole]]
    return rows[chosen[: STEPS * BATCH]]


def trained(bard: Model, text: str, options: tuple, directory: Path, steps: int, rate: float):
    """Returns the checkpoint at the end of a training, and what its command prints."""
    file = directory / f"{steps}.safetensors"
    found = bard.vidrio(
        *("lens", "sae", "train", "-f", text, "--hook", HOOK, "-o", str(directory / "sae")),
        *("--features", str(FEATURES), "--steps", str(steps), "--batch", str(BATCH)),
        *("--rate", str(rate), "--dead-after", str(DEAD_AFTER), "--seed", str(SEED)),
        *("--checkpoint", str(file), "--checkpoint-steps", "1", *options),
    )
    return load_file(file), found


def parameters(state: dict, tied: bool) -> dict[str, np.ndarray]:
    """Returns the parameters of a checkpoint by SAELens's names; tied ones have no encoder."""
    bias = "b_gate" if "b_mag" in state else "b_enc"
    names = {"encoder": "W_enc", "decoder": "W_dec", "output_bias": "b_dec", "bias": bias}
    names |= {name: name for name in ("threshold", "r_mag", "b_mag") if name in state}
    found = {ours: state[name] for name, ours in names.items()}
    found["W_enc"] = np.ascontiguousarray(found["W_enc"].T)
    if tied:
        del found["W_enc"], found[bias]
    return found


def features(bard: Model, directory: Path) -> np.ndarray:
    """Returns the features that Vidrio computes, [tokens][features]."""
    rows = bard.vidrio("lens", "sae", "features", "--sae", str(directory), "-p", TEXT)["features"]
    dense = np.zeros((len(rows), FEATURES), np.float32)
    for values, row in zip(dense, rows):
        for feature in row:
            values[feature["feature"]] = feature["value"]
    return dense


def prepare(bard: Model, text: str, rows: np.ndarray, kind: str, directory: Path):
    """Trains, writes what SAELens starts from, and returns what is to be compared."""
    options, architecture, config = KINDS[kind]
    first, _ = trained(bard, text, options, directory, 1, 1e-30)
    state, found = trained(bard, text, options, directory, STEPS, RATE)
    settings = {"class": architecture, "config": config, "batch": BATCH, "rate": RATE}
    settings |= {"dead_after": DEAD_AFTER}
    (directory / "settings.json").write_text(json.dumps(settings))
    tied = architecture == "MatchingPursuit"
    drawn = {"W_enc", "W_dec", "b_dec"}
    start = {name: values for name, values in parameters(first, tied).items() if name in drawn}
    tensors = {"rows": batches(rows * first["scales"][0, 0]), "inputs": rows, **start}
    save_file(tensors, directory / "tensors.safetensors")
    return parameters(state, tied), found["error"], features(bard, directory / "sae")


def compare(kind: str, directory: Path, weights: dict, loss: float, ours: np.ndarray) -> list[Row]:
    file = directory / "results.safetensors"
    theirs = load_file(file)
    with safe_open(file, "numpy") as opened:
        row = f"training, {kind}", "lens sae train", opened.metadata()["program"]
    worst = max(error(weights[name], theirs[name]) for name in weights)
    dead = int(theirs["dead"].max())
    with_dead = f", up to {dead} dead" if dead else ""
    of_loss = abs(loss / theirs["losses"][-1] - 1)
    return [
        Row(*row, f"relative error of the loss of step {STEPS}", of_loss, 1e-4),
        Row(*row, f"relative error of weights{with_dead}", worst, 1e-4),
        Row(*row, "relative error of features", error(ours[1:], theirs["features"]), 1e-5),
    ]


def check(model: Model, environment: str) -> list[Row]:
    bard = Model(BARD, model.arguments)
    text = bard.file(TEXT)
    with tempfile.TemporaryDirectory() as temporary:
        file = str(Path(temporary) / "activations.safetensors")
        bard.run("lens", "cache", "-p", TEXT, "--hooks", HOOK, "-o", file)
        rows = load_file(file)[HOOK][1:]
        directories = [Path(temporary) / str(i) for i in range(len(KINDS))]
        found = []
        for kind, directory in zip(KINDS, directories):
            directory.mkdir()
            found.append(prepare(bard, text, rows, kind, directory))
        python = Path(environment) / "bin/python"
        trainer = Path(__file__).with_name("saelens_trainer.py")
        subprocess.run([python, trainer, *directories], check=True)
        return [
            row
            for kind, directory, ours in zip(KINDS, directories, found)
            for row in compare(kind, directory, *ours)
        ]
