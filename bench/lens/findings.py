"""Reproduces findings of the survey (arXiv 2405.00208) on a trained model with `vidrio lens`.

    python findings.py smollm2.gguf --write

Each finding is measured by commands and must pass the thresholds of its function, which are for
SmolLM2-135M-Instruct in Q4_1. Prints a table; --write also writes it to docs/lens/findings.md.
Exits with 1 if a finding is not reproduced, other than those that are known to be absent from this
model, which the table names.

Needs numpy and safetensors; copy_suppression needs gguf and the path of a file.
"""

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import page
from finding import TEXT, Finding, Model
from page import vidrio


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


# The function of each finding, with its module if it is another.
FINDINGS = {
    "induction": induction,
    "sinks": sinks,
    "massive": massive,
    "faithfulness": faithfulness,
    "ioi": "tasks",
    "name_movers": "tasks",
    "greater_than": "tasks",
    "recall": "tasks",
    "function_vectors": "tasks",
    "amnesic": "tasks",
    "copy_suppression": "suppression",
}


def measure(name: str, model: Model) -> list[Finding]:
    """Measures a finding by its name."""
    found = FINDINGS[name]
    if isinstance(found, str):
        found = getattr(importlib.import_module(found), name)
    return found(model)


def table(findings: list[Finding]) -> str:
    """Returns findings as a table in Markdown."""
    columns = ["section", "finding (literature)", "measured", "threshold", ""]
    rows = [[it.section, it.claim, it.measured, it.threshold, it.verdict] for it in findings]
    return page.table(columns, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file or the name of a model")
    parser.add_argument("--only", help="findings, separated by commas: " + ", ".join(FINDINGS))
    parser.add_argument("-n", "--count", type=int, default=1000, help="pairs of a data set")
    parser.add_argument("--write", action="store_true", help="write docs/lens/findings.md")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(FINDINGS)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as directory:
        model = Model(arguments.model, arguments, Path(directory))
        for name in names:
            start = time.monotonic()
            findings += measure(name, model)
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    text = table(findings)
    print(text, end="")
    if arguments.write:
        page.write("findings.md", text)
    return 1 if any(finding.failed for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
