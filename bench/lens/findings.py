"""Reproduces findings of the survey (arXiv 2405.00208) on a trained model with `vidrio lens`.

    python findings.py smollm2.gguf --write

Each finding is measured by commands and must pass the thresholds of its function, which are for
SmolLM2-135M-Instruct in Q4_1. Prints a table; --write also writes it to docs/lens/findings.md. Exits
with 1 if a finding is not reproduced.

Needs numpy and safetensors.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import page
from page import vidrio
from safetensors.numpy import load_file

TEXT = (
    "The museum opens at nine in the morning. Visitors can leave their bags and coats at the desk,"
    " and a guide walks through the rooms every hour. On Sundays, when most families come, the"
    " garden behind the house is open too, and children may feed the birds near the old pond."
)

# Texts of each kind whose attributions are measured.
FAITHFUL_TEXTS = 100


@dataclass(frozen=True)
class Finding:
    """A measured finding: the figure, the threshold in words, and whether it is met."""

    section: str
    finding: str
    measured: str
    threshold: str
    passed: bool


class Model:
    """A model that commands run, and a directory for their files."""

    def __init__(self, path: str, arguments, directory: Path):
        self.path = path
        self.arguments = arguments
        self.directory = directory

    def json(self, *command: str) -> dict:
        """Returns the JSON that a command prints."""
        return json.loads(vidrio.run(self.arguments, *command, "-m", self.path, "--json"))

    def activations(self, ids, hooks: str, *edits: str) -> dict[str, np.ndarray]:
        """Returns activations of a text of token ids under edits."""
        text, out = self.directory / "ids.json", self.directory / "cache.safetensors"
        text.write_text(json.dumps([int(token) for token in ids]))
        command = ["lens", "cache", "-m", self.path, "--ids", str(text), "--hooks", hooks]
        for edit in edits:
            command += ["--edit", edit]
        vidrio.run(self.arguments, *command, "-o", str(out))
        return load_file(out)

    def losses(self, ids, *edits: str) -> np.ndarray:
        """Returns the loss of each token but the first, in nats, under edits."""
        logits = self.activations(ids, "unembed.hook_out", *edits)["unembed.hook_out"]
        logits = logits[:-1].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        chosen = logits[np.arange(len(ids) - 1), np.asarray(ids[1:])]
        return np.log(np.exp(logits).sum(-1)) - chosen

    @cached_property
    def heads(self) -> dict:
        """The scores of all heads, and the share of sinks."""
        return self.json("lens", "heads")

    @cached_property
    def ids(self) -> list[int]:
        """The tokens of the text."""
        return self.json("lens", "norms", "-p", TEXT)["tokens"]


def repeated(model: Model, seed: int, length: int = 50) -> list[int]:
    """Returns the first token of the text, then random tokens twice."""
    tokens = np.random.default_rng(seed).integers(1000, 30000, length)
    return [model.ids[0], *tokens, *tokens]


def mean_ablation(model: Model, heads: list[tuple[int, int]]) -> list[str]:
    """Returns the edits that replace the outputs of heads by their means over the text."""
    return [f"blocks.{layer}.attn.hook_z[:,{head}] mean '{TEXT}'" for layer, head in heads]


def induction(model: Model) -> list[Finding]:
    """Induction heads (Olsson et al. 2022): their attention, their effect, and what they cost."""
    texts = [repeated(model, seed) for seed in range(2)]
    half = (len(texts[0]) - 1) // 2

    def second(*edits: str) -> float:
        return float(np.mean([model.losses(ids, *edits)[half + 1 :].mean() for ids in texts]))

    losses = np.array([model.losses(ids) for ids in texts])
    first, clean = losses[:, :half].mean(), losses[:, half + 1 :].mean()
    ranked = sorted(model.heads["heads"], key=lambda head: -head["induction"])
    names = [(head["layer"], head["head"]) for head in ranked]
    best = second(*mean_ablation(model, names[:5])) - clean
    generator = np.random.default_rng(0)
    others = [
        second(*mean_ablation(model, [names[i] for i in generator.permutation(len(names))[:5]]))
        - clean
        for _ in range(3)
    ]
    top = ranked[0]
    strongest = f"L{top['layer']}.H{top['head']}"
    return [
        Finding(
            "5.1",
            "induction heads attend to the token after the previous occurrence",
            f"{strongest}: {top['induction']:.3f}",
            "a head above 0.8",
            top["induction"] > 0.8,
        ),
        Finding(
            "5.1",
            "a repeated random text is predicted the second time",
            f"loss {first:.2f}, then {clean:.2f}",
            "at most half",
            clean <= first / 2,
        ),
        Finding(
            "5.1",
            "mean ablation of the five strongest induction heads removes this",
            f"loss {best:+.2f}; five random heads {np.mean(others):+.2f} (mean of 3)",
            "5 times that of random heads",
            best >= 5 * max(0.01, float(np.mean(others))),
        ),
    ]


def sinks(model: Model) -> list[Finding]:
    """Attention sinks (Xiao et al. 2024): the share of heads that attend to the first token."""
    rate = model.heads["sink_rate"]
    return [
        Finding(
            "5.1",
            "most heads attend to the first token",
            f"{rate:.0%} of heads have a mean weight above 0.3",
            "69 % to 73 %",
            0.69 <= rate <= 0.73,
        )
    ]


def massive(model: Model) -> list[Finding]:
    """Massive activations (Sun et al. 2024): they act as constants that the model needs."""
    hooks = model.json("lens", "norms", "-p", TEXT)["hooks"]
    found = {
        (entry["position"], entry["dimension"])
        for norms in hooks.values()
        for entry in norms["largest"]
        if entry["massive"]
    }
    positions, dimensions = ({pair[axis] for pair in found} for axis in (0, 1))
    clean = model.losses(model.ids).mean()
    point = next(
        name
        for name, norms in hooks.items()
        if any(entry["massive"] for entry in norms["largest"])
    )
    stream = model.activations(model.ids, point)[point]
    dimension = int(np.abs(stream[0]).argmax())
    usual = float(stream[0, dimension])
    where = f"{point}[0,{dimension}]"
    zero = model.losses(model.ids, f"{where} zero").mean()
    mean = model.losses(model.ids, f"{where} set {usual:.1f}").mean()
    return [
        Finding(
            "5.3",
            "massive activations are at the first token in few dimensions",
            f"positions {sorted(positions)}, dimensions {sorted(dimensions)}",
            "position 0, at most 4 dimensions",
            positions == {0} and len(dimensions) <= 4,
        ),
        Finding(
            "5.3",
            "setting one to zero destroys the prediction, setting it to its usual value does not",
            f"loss {clean:.2f}; with 0 {zero:.2f}; with {usual:.0f} {mean:.2f}",
            "+2 nats, and within 0.01",
            zero > clean + 2 and abs(mean - clean) < 0.01,
        ),
    ]


def faithfulness(model: Model) -> list[Finding]:
    """Attributions are faithful in the order of their methods (DeYoung et al. 2020): relevance
    propagation, integrated gradients, gradient times input."""
    lines = (vidrio.LAUNCHER.parent / "docs/lens/facts.tsv").read_text().splitlines()
    facts = [line.split("\t") for line in lines[:FAITHFUL_TEXTS]]
    pairs, prompts = model.directory / "ioi.tsv", model.directory / "prompts.txt"
    count = str(FAITHFUL_TEXTS)
    vidrio.run(
        model.arguments, "lens", "dataset", "ioi", "-n", count, "-o", str(pairs), "-m", model.path
    )
    texts = [template.replace("{}", subject) for subject, template, _ in facts]
    texts += [line.split("\t")[0] for line in pairs.read_text().splitlines()]
    prompts.write_text("\n".join(texts))
    methods = ["attn_lrp", "ig", "grad_x_input"]
    command = ["lens", "faithfulness", "--prompts", str(prompts), "--methods", ",".join(methods)]
    found = model.json(*command)["methods"]
    findings = []
    for measure, sign, gain in [("comprehensiveness", 1, "more"), ("sufficiency", -1, "less")]:
        values = [np.array(found[method][f"{measure}_by_text"]) for method in methods]
        gains = [sign * (a - b) for a, b in zip(values, values[1:])]
        halves = [1.96 * float(gain.std(ddof=1)) / len(gain) ** 0.5 for gain in gains]
        means = " ≥ ".join(f"{value.mean():.3f}" for value in values)
        apart = ", ".join(f"{x.mean():+.3f}±{half:.3f}" for x, half in zip(gains, halves))
        findings.append(
            Finding(
                "3.1",
                f"{measure} of AttnLRP, integrated gradients and gradient × input",
                f"{means.replace('≥', 'then')} over {len(texts)} texts; gains {apart}",
                f"each method has {gain} than the next",
                all(gain.mean() >= 0 for gain in gains),
            )
        )
    return findings


FINDINGS = {
    "induction": induction,
    "sinks": sinks,
    "massive": massive,
    "faithfulness": faithfulness,
}


def table(findings: list[Finding]) -> str:
    """Returns findings as a table in Markdown."""
    rows = []
    for it in findings:
        verdict = "" if it.passed else " **not reproduced**"
        rows.append([it.section, it.finding, it.measured + verdict, it.threshold])
    return page.table(["section", "finding", "measured", "threshold"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file or the name of a model")
    parser.add_argument("--only", help="findings, separated by commas: " + ", ".join(FINDINGS))
    parser.add_argument("--write", action="store_true", help="write docs/lens/findings.md")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(FINDINGS)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as directory:
        model = Model(arguments.model, arguments, Path(directory))
        for name in names:
            start = time.monotonic()
            findings += FINDINGS[name](model)
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    text = table(findings)
    print(text, end="")
    if arguments.write:
        page.write("findings.md", text)
    return 0 if all(finding.passed for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
