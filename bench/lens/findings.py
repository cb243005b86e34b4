"""Reproduces findings of the survey (arXiv 2405.00208) on trained models with `vidrio lens`.

    python findings.py smollm2.gguf gemma3.gguf --write

Each finding is measured by commands and must pass the threshold of its function, which follows from
its definition or from published figures, with 95 % intervals. Prints a table for each model;
--write also writes it, with pictures, to docs/lens/findings.md. Exits with 1 if a finding is not
reproduced, other than those that finding.py names as absent from a model.

Needs numpy and safetensors; copy_suppression and entropy_neurons need gguf and the path of a file,
--write needs matplotlib.
"""

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import page
from finding import TEXT, Finding, Mean, Model
from page import vidrio

# Repeated texts, those of ablations, and sets of other heads: as many as a test at 5 % needs.
REPEATED, ABLATED, SETS = 5, 2, 19
# Texts over which a massive activation is averaged.
OTHERS = 5


def repeated(model: Model, seed: int, length: int = 50) -> list[int]:
    """Returns the first token of the text, then random tokens twice."""
    tokens = np.random.default_rng(seed).integers(1000, 30000, length)
    return [model.ids[0], *tokens, *tokens]


def mean_ablation(heads: list[tuple[int, int]]) -> list[str]:
    """Returns the edits that replace the outputs of heads by their means over the text."""
    return [f"blocks.{layer}.attn.hook_z[:,{head}] mean '{TEXT}'" for layer, head in heads]


def induction(model: Model) -> list[Finding]:
    """Induction heads (Olsson et al. 2022): their attention, their effect, and what they cost."""
    texts = [repeated(model, seed) for seed in range(REPEATED)]
    half = (len(texts[0]) - 1) // 2

    def second(*edits: str) -> float:
        return float(np.mean([model.losses(ids, *edits)[half + 1 :] for ids in texts[:ABLATED]]))

    losses = np.array([model.losses(ids) for ids in texts])
    first, clean = losses[:, :half].mean(1), losses[:, half + 1 :].mean(1)
    before = float(clean[:ABLATED].mean())
    ranked = sorted(model.heads["heads"], key=lambda head: -head["induction"])
    names = [(head["layer"], head["head"]) for head in ranked]
    best = second(*mean_ablation(names[:5])) - before
    generator = np.random.default_rng(0)
    others = [
        second(*mean_ablation([names[i] for i in 5 + generator.permutation(len(names) - 5)[:5]]))
        - before
        for _ in range(SETS)
    ]
    top = ranked[0]
    strongest = f"L{top['layer']}.H{top['head']}"
    return [
        Finding(
            "induction-heads",
            "5.1",
            "induction heads attend to the token after the previous occurrence (GPT-2 small: 0.93)",
            f"{strongest}: {top['induction']:.3f}",
            "a head above 0.8",
            top["induction"] > 0.8,
        ),
        Finding(
            "induction-loss",
            "5.1",
            "a repeated random text is predicted the second time",
            f"loss {Mean.of(first).text()}, then {Mean.of(clean).text()} ({len(texts)} texts)",
            "at most half",
            Mean.ratio(clean, first).high <= 0.5,
        ),
        Finding(
            "induction-ablation",
            "5.1",
            "mean ablation of the five strongest induction heads removes this",
            f"loss {best:+.2f}; five other heads {np.mean(others):+.2f}, at most {max(others):+.2f}"
            f" ({SETS} random sets)",
            "5 times the mean of other heads, above each of their sets (a test at 5 %)",
            best >= 5 * max(0.1, float(np.mean(others))) and best > max(others),
        ),
    ]


def sinks(model: Model) -> list[Finding]:
    """Attention sinks (Xiao et al. 2024): the share of heads that attend to the first token."""
    first = [head["first"] for head in model.heads["heads"]]
    rate, count = Mean.of([weight > 0.3 for weight in first]), len(first)
    return [
        Finding(
            "sinks",
            "5.1",
            "most heads attend to the first token",
            f"{rate.percent()} of {count} heads have a mean weight above 0.3",
            "interval above one half",
            rate.low > 0.5,
        )
    ]


def massive(model: Model) -> list[Finding]:
    """Massive activations (Sun et al. 2024): they act as constants that the model needs.

    The largest is replaced after every layer after which it is massive.
    """
    hooks = model.json("lens", "norms", "-p", TEXT)["hooks"]
    found = [
        (entry, name)
        for name, norms in hooks.items()
        for entry in norms["largest"]
        if entry["massive"]
    ]
    positions, dimensions = (
        sorted({entry[axis] for entry, _ in found}) for axis in ("position", "dimension")
    )
    where = f"{len(positions)} positions" if len(positions) > 4 else f"positions {positions}"
    if positions and positions != [0]:
        tops = [
            max(abs(entry["value"]) for entry, _ in found if (entry["position"] == 0) == first)
            for first in (True, False)
        ]
        where += f" (at most {tops[0]:.0f} at the first, {tops[1]:.0f} at others)"
    where = f"{where}, dimensions {dimensions}" if found else "no such element"
    findings = [
        Finding(
            "massive-activations",
            "5.3",
            "massive activations are at the first token in few dimensions",
            where,
            "position 0, at most 4 dimensions",
            positions == [0] and len(dimensions) <= 4,
        )
    ]
    if not found:
        return findings
    dimension = max(found, key=lambda pair: abs(pair[0]["value"]))[0]["dimension"]
    points = [
        name
        for entry, name in found
        if entry["dimension"] == dimension and entry["position"] == 0
    ]
    clean = model.losses(model.ids)
    lines = (page.PAGES / "prompts.txt").read_text().splitlines()
    texts = [line for line in lines if line.split()[0] != TEXT.split()[0]][:OTHERS]
    streams = [model.activations(text, ",".join(points)) for text in texts]
    means = [float(np.mean([stream[name][0, dimension] for stream in streams])) for name in points]
    losses = [
        model.losses(model.ids, *(f"{name}[0,{dimension}] set {x:.1f}" for name, x in edits))
        for edits in (zip(points, [0] * len(points)), zip(points, means))
    ]
    zero, mean = (Mean.of(loss - clean) for loss in losses)
    findings.append(
        Finding(
            "massive-ablation",
            "5.3",
            "setting one to zero destroys the prediction, setting it to its mean over other texts"
            " does not",
            f"dimension {dimension}, {len(points)} layers: loss {zero.text(sign='+')} with 0,"
            f" {mean.text(3, '+')} with the mean of {len(texts)} texts, at most {max(means):.0f}",
            "above +1 nat, within 0.1 nats",
            zero.low > 1 and max(mean.high, -mean.low) < 0.1,
        )
    )
    return findings


def faithfulness(model: Model) -> list[Finding]:
    """Faithfulness of attributions (DeYoung et al. 2020): relevance propagation, integrated
    gradients and gradient times input, against random orders and each other."""
    lines = (page.PAGES / "facts.tsv").read_text().splitlines()
    count = model.arguments.texts // 2
    facts = [line.split("\t") for line in lines[:: max(1, len(lines) // count)][:count]]
    pairs = Path(model.pairs("ioi", len(facts))).read_text().splitlines()
    prompts = model.directory / "prompts.txt"
    texts = [template.replace("{}", subject) for subject, template, _ in facts]
    texts += [line.split("\t")[0] for line in pairs]
    prompts.write_text("\n".join(texts))
    names = {
        "attn_lrp": "AttnLRP",
        "ig": "integrated gradients",
        "grad_x_input": "gradient × input",
    }
    command = ["lens", "faithfulness", "--prompts", str(prompts), "--methods", ",".join(names)]
    found = model.json(*command)["methods"]
    findings = []
    for measure, sign in [("comprehensiveness", 1), ("sufficiency", -1)]:
        values = {name: np.array(found[name][f"{measure}_by_text"]) for name in names}
        gains = {
            name: Mean.read(found[name][f"{measure}_over_random"]).times(sign) for name in names
        }
        steps = [
            Mean.of(sign * (values[a] - values[b])) for a, b in zip(names, list(names)[1:])
        ]
        for name, title in names.items():
            findings.append(
                Finding(
                    f"{measure}-{name}",
                    "3.1",
                    f"{measure} of {title} is better than that of random orders",
                    f"{values[name].mean():.3f}, better by {gains[name].text(3)}"
                    f" ({len(texts)} texts)",
                    "interval above 0",
                    gains[name].low > 0,
                )
            )
        findings.append(
            Finding(
                f"{measure}-order",
                "3.1",
                f"{measure}: AttnLRP is better than integrated gradients, these than gradient ×"
                " input",
                f"by {steps[0].text(3, '+')}, by {steps[1].text(3, '+')} (text by text)",
                "both intervals above 0",
                all(step.low > 0 for step in steps),
            )
        )
    return findings


# The function of each finding, with its module if it is another.
FINDINGS = {
    "induction": induction,
    "sinks": sinks,
    "massive": massive,
    "entropy_neurons": "neurons",
    "ioi": "tasks",
    "name_movers": "tasks",
    "greater_than": "tasks",
    "copy_suppression": "suppression",
    "recall": "tasks",
    "function_vectors": "tasks",
    "amnesic": "tasks",
    "faithfulness": faithfulness,
}


def measure(name: str, model: Model) -> list[Finding]:
    """Measures a finding by its name."""
    found = FINDINGS[name]
    if isinstance(found, str):
        found = getattr(importlib.import_module(found), name)
    return found(model)


def table(findings: list[Finding], model: str) -> str:
    """Returns findings as a table in Markdown."""
    columns = ["section", "finding (literature)", "measured", "threshold", ""]
    rows = [[it.section, it.claim, it.measured, it.threshold, it.verdict(model)] for it in findings]
    return page.table(columns, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="GGUF files or the names of models")
    parser.add_argument("--only", help="findings, separated by commas: " + ", ".join(FINDINGS))
    parser.add_argument("-n", "--count", type=int, default=1000, help="pairs of a data set")
    parser.add_argument("--curves", type=int, default=1000, help="pairs of circuits, at most")
    parser.add_argument("--texts", type=int, default=112, help="texts of attributions")
    parser.add_argument("--facts", type=int, help="facts of recall, at most (default: all)")
    parser.add_argument(
        "--write", action="store_true", help="write docs/lens/findings.md and its pictures"
    )
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(FINDINGS)
    failed = False
    for path in arguments.models:
        with tempfile.TemporaryDirectory() as directory:
            model = Model(path, arguments, Path(directory))
            findings: list[Finding] = []
            for name in names:
                start = time.monotonic()
                findings += measure(name, model)
                print(f"{model.name} {name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
            text = table(findings, model.name)
            print(text, end="")
            failed |= any(finding.failed(model.name) for finding in findings)
            if arguments.write:
                page.write("findings.md", text, f"the table of {model.name}")
                importlib.import_module("figures").draw(model)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
