"""R-LACE against the program of its authors, on the embedded model.

The program is a checkout of https://github.com/shauli-ravfogel/rlace-icml. Both look for the
direction without which the best probe of a class of words has the largest loss; the program plays
batch against batch, Vidrio fits the probes whole. The probes that judge both are of scikit-learn,
fitted to the words of the same sentences, with the penalty that Vidrio's have.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from models import BARD, Model
from page import PAGES
from row import Row
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

HOOK, LAYER = "blocks.2.hook_resid_post", 2
# Relations of dependencies.conllu with a noun as their word, against all others.
NOUNS = {"nsubj", "obj", "nmod", "obl", "iobj"}
# One of this many sentences is not fitted to, by either program.
ASIDE = 4
STEPS, BATCH, EVERY, RATE = 3000, 256, 250, 0.02
# The streams have this length for the program, since its rates are not relative.
NORM = 8


def sentences() -> list[list[tuple[str, str, bool]]]:
    """Returns sentences of words, their classes, and whether a space follows."""
    found = []
    for block in (PAGES / "dependencies.conllu").read_text().strip().split("\n\n"):
        rows = [line.split("\t") for line in block.split("\n")]
        classes = ["noun" if row[7] in NOUNS else "other" for row in rows]
        spaces = ["SpaceAfter=No" not in row[9] for row in rows]
        found.append([(row[1], name, space) for row, name, space in zip(rows, classes, spaces)])
    return found


def states(model, llm, some) -> tuple[np.ndarray, np.ndarray]:
    """Returns the streams [n, d] at the last token of each word, and the classes."""
    rows, labels = [], []
    for sentence in some:
        text, ends = "", []
        for word, name, space in sentence:
            text += word
            ends.append(len(text))
            labels.append(int(name == "noun"))
            text += " " if space else ""
        encoded = model.tokenizer(text.rstrip(), return_offsets_mapping=True)
        with torch.no_grad():
            output = llm(torch.tensor([encoded["input_ids"]]), output_hidden_states=True)
        stream = output.hidden_states[LAYER + 1][0].double().numpy()
        offsets = encoded["offset_mapping"]
        rows += [stream[max(i for i, (a, b) in enumerate(offsets) if a < end <= b)] for end in ends]
    return np.array(rows), np.array(labels)


def ours(model, some) -> np.ndarray:
    """Returns the direction that lens erase finds, fitted to all but one of the sentences."""
    words = ""
    for sentence in some:
        for word, name, space in sentence:
            words += "\t".join([word, name] + ([] if space else ["SpaceAfter=No"])) + "\n"
        words += "\n"
    with tempfile.TemporaryDirectory() as directory:
        output = str(Path(directory) / "erased.safetensors")
        options = ("--words", model.file(words), "--test", str(1 / len(some)), "--hooks", HOOK)
        options += ("--method", "rlace", "--rank", "1", "--controls", "0")
        model.run("lens", "erase", *options, "-o", output)
        return load_file(output)[f"{HOOK}.erased"][0].double().numpy()


def theirs(program, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the direction that the program finds."""
    program.EVAL_CLF_PARAMS["loss"] = "log_loss"
    program.NUM_CLFS_IN_EVAL = 1
    torch.manual_seed(0)
    np.random.seed(0)
    rate = {"lr": RATE, "weight_decay": 1e-4}
    found = program.solve_adv_game(
        *(rows, labels) * 2,
        rank=1,
        out_iters=STEPS,
        batch_size=BATCH,
        evalaute_every=EVERY,
        epsilon=0,
        optimizer_params_P=rate,
        optimizer_params_predictor=rate,
    )
    return np.linalg.eigh(np.eye(rows.shape[1]) - found["P"])[1][:, -1]


def judge(direction, train, test) -> tuple[float, float]:
    """Returns the loss in bits of the best probe without a direction, and its held-out accuracy."""

    def erased(rows):
        return rows - np.outer(rows @ direction, direction)

    probe = LogisticRegression(C=1, max_iter=10000).fit(erased(train[0]), train[1])
    loss = log_loss(train[1], probe.predict_proba(erased(train[0]))) / np.log(2)
    return loss, probe.score(erased(test[0]), test[1])


def check(model, checkout: str) -> list[Row]:
    sys.path.insert(0, checkout)
    import rlace

    model = Model(BARD, model.arguments)
    llm = model.transformers()
    everything = sentences()
    fitted = [sentence for i, sentence in enumerate(everything) if i % ASIDE]
    train, test = states(model, llm, fitted), states(model, llm, everything[::ASIDE])
    mean = train[0].mean(0)
    train, test = (train[0] - mean, train[1]), (test[0] - mean, test[1])
    size = NORM / np.linalg.norm(train[0], axis=1).mean()
    directions = ours(model, fitted), theirs(rlace, train[0] * size, train[1])
    (loss, accuracy), (other, other_accuracy) = (judge(d, train, test) for d in directions)
    return [
        Row(
            "R-LACE",
            "lens erase --method rlace",
            "the authors' program",
            f"by how much the best probe's loss of {len(train[1])} words is lower, of {loss:.3f}"
            f" and {other:.3f} bits",
            float(other - loss),
            0.01,
        ),
        Row(
            "R-LACE",
            "lens erase --method rlace",
            "the authors' program",
            f"difference of the accuracy of a probe on {len(test[1])} held-out words,"
            f" {accuracy:.3f} and {other_accuracy:.3f}",
            abs(accuracy - other_accuracy),
            0.03,
        ),
    ]
