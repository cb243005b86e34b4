"""Findings on tasks: circuits, factual recall, tasks from examples, and what erasure costs."""

import json

import numpy as np
from finding import CIRCUIT, Finding, Mean, Model
from page import PAGES

# Pairs of agreement, of the curve of greater-than, and of circuits with edges in random order.
AGREEMENT, GREATER, RANDOM = 100, 50, 25
# Half the width of an interval that holds for the extremes of some 300 heads, by that of 95 %.
EXTREME = 2


def ioi(model: Model) -> list[Finding]:
    """Indirect object identification (Wang et al. 2023), and its circuit by EAP-IG."""
    pairs = model.pairs("ioi", model.count)
    values = model.json("lens", "measure", "--pairs", pairs)["clean_values"]
    difference, right = Mean.of(values), Mean.of([value > 0 for value in values])
    fewer = model.pairs("ioi", min(model.count, model.arguments.curves))
    curve = model.json("lens", "curve", "--pairs", fewer)
    model.curves["indirect object"] = curve
    random = random_order(model)
    model.curves["indirect object, edges in random order"] = random
    return [
        Finding(
            "ioi",
            "5.4",
            "the model prefers the indirect object (GPT-2 small: 3.56 logits, 99.3 %)",
            f"{difference.text()} logits, {right.percent()} of {len(values)} sentences",
            "intervals above 3 logits and 95 %",
            difference.low > 3 and right.low > 0.95,
        ),
        circuit("ioi-circuit", curve, "a small part of the edges does it (GPT-2 small: 87 %)"),
        Finding(
            "ioi-order",
            "3.2",
            "EAP-IG orders edges better than chance (GPT-2 small in MIB: CMD 0.03, random order"
            " 0.75)",
            f"CMD {curve['cmd']:.3f}; random order {random['cmd']:.3f} ({random['pairs']} pairs)",
            "that of random order 5 times as high",
            random["cmd"] >= 5 * curve["cmd"],
        ),
        Finding(
            "ioi-areas",
            "3.2",
            "small circuits in this order do as the model does (GPT-2 small in MIB: CPR 1.85, CMD"
            " 0.03)",
            f"CPR {curve['cpr']:.3f}, CMD {curve['cmd']:.3f}; random order {random['cpr']:.3f},"
            f" {random['cmd']:.3f}",
            "CPR at least 0.9, CMD at most 0.05",
            curve["cpr"] >= 0.9 and curve["cmd"] <= 0.05,
        ),
    ]


def random_order(model: Model) -> dict:
    """Returns the curve of IOI circuits with edges in random order."""
    pairs = model.pairs("ioi", min(model.count, model.arguments.curves, RANDOM))
    file = model.directory / "graph.json"
    model.json("lens", "edges", "--pairs", pairs, "--graph", str(file))
    graph = json.loads(file.read_text())
    edges = list(graph["edges"].values())
    for edge, score in zip(edges, np.random.default_rng(0).random(len(edges))):
        edge["score"] = score
    file.write_text(json.dumps(graph))
    return model.json("lens", "curve", "--pairs", pairs, "--scores", str(file))


def circuit(name: str, curve: dict, claim: str, limit: float = 0.05) -> Finding:
    """Returns whether a circuit of a share of the edges is faithful."""
    enough = (point for point in curve["points"] if point["faithfulness"] >= CIRCUIT)
    least = next(enough, curve["points"][-1])
    sizes = sorted({0.001, 0.01, least["size"]})
    found = {point["size"]: point["faithfulness"] for point in curve["points"]}
    # Adds 0 to print a share that rounds to −0 as 0.
    shares = ", ".join(f"{size:.1%}: {round(found[size], 2) + 0.0:.0%}" for size in sizes)
    return Finding(
        name,
        "5.4",
        claim,
        f"{shares} of the difference ({curve['pairs']} pairs)",
        f"{CIRCUIT:.0%} by at most {limit:.0%} of the edges",
        least["size"] <= limit,
    )


def name_movers(model: Model) -> list[Finding]:
    """Name movers and negative name movers (Wang et al. 2023), by their direct effects."""
    pairs = model.pairs("ioi", min(model.count, 50))
    found = model.json("lens", "roles", "--pairs", pairs)
    late = 2 * (1 + max(head["layer"] for head in found["heads"])) / 3
    reading = [head for head in found["heads"] if head["io"] > max(head["s1"], head["s2"])]
    heads = sorted(reading, key=lambda head: head["direct"])
    negative, positive = heads[0], heads[-1]

    def text(head: dict) -> str:
        effect = Mean(head["direct"], head["half_width"])
        return f"L{head['layer']}.H{head['head']}: {effect.text(sign='+')}, attention {head['io']:.2f}"

    return [
        Finding(
            "name-movers",
            "5.4",
            "late heads that attend to the indirect object write it, others write against it (9.9"
            " and 10.7)",
            f"{text(positive)}; {text(negative)} ({found['pairs']} pairs)",
            "intervals, twice as wide for the extremes of all heads, above and below 0; in the last"
            " third",
            positive["direct"] > EXTREME * positive["half_width"]
            and negative["direct"] < -EXTREME * negative["half_width"]
            and min(positive["layer"], negative["layer"]) >= late,
        )
    ]


def greater_than(model: Model) -> list[Finding]:
    """Years greater than a given one (Hanna et al. 2023)."""
    pairs = model.pairs("greater-than", model.count)
    values = model.json("lens", "measure", "--pairs", pairs, "--metric", "prob-diff")
    clean, corrupted = (Mean.of(values[f"{name}_values"]) for name in ("clean", "corrupted"))
    fewer = model.pairs("greater-than", min(model.count, model.arguments.curves, GREATER))
    curve = model.json("lens", "curve", "--pairs", fewer, "--metric", "prob-diff")
    model.curves["greater than"] = curve
    return [
        Finding(
            "greater-than",
            "5.4",
            "greater years get the probability (GPT-2 small: difference 0.81)",
            f"{clean.text(3)}; after the year 01 {corrupted.text(3)} ({values['pairs']} pairs)",
            "one interval above half of GPT-2's, one below 0",
            clean.low > 0.81 / 2 and corrupted.high < 0,
        ),
        circuit(
            "greater-than-circuit",
            curve,
            "a small part of the edges does it (GPT-2 small: 150 edges, 91 %)",
        ),
    ]


def recall(model: Model) -> list[Finding]:
    """Factual recall: where it is stored (Meng et al. 2022), how it is read (Geva et al. 2023)."""
    file = model.directory / "facts.tsv"
    lines = (PAGES / "facts.tsv").read_text().splitlines()
    cities = [line.split("\t")[:3] for line in (PAGES / "rewrites.tsv").read_text().splitlines()]
    chosen = (lines + ["\t".join(city) for city in cities])[: model.arguments.facts]
    file.write_text("\n".join(chosen) + "\n")
    facts = ("-f", str(file))
    traced = ("--site", "mlp_out", "--window", "5", "--runs", "1")
    trace = model.json("lens", "facts", "trace", *facts, *traced)
    effects = {
        (part, layer): Mean.read(value)
        for part, values in trace["effects"].items()
        for layer, value in enumerate(values)
        if value["count"] >= 30
    }
    part, layer = max(effects, key=lambda key: effects[key].mean)
    end = max((key for key in effects if key[0] == "end"), key=lambda key: effects[key].mean)
    changes = model.json("lens", "facts", "knock-out", *facts)["changes"]["subject"]
    count = len(changes)
    late = min(range(count // 2, count), key=lambda layer: changes[layer]["mean"])
    lost = Mean.read(changes[late])
    known = f"{changes[late]['count']} known facts of {len(chosen)}"
    return [
        Finding(
            "recall-storage",
            "5.5",
            "feed-forward blocks recall a fact at the last token of the subject, before the middle"
            " (GPT-2 XL: layer 15 of 48)",
            f"{effects[part, layer].percent('+')} by layers around L{layer} at the {part} token"
            f" of the subject; at the end of the prompt {effects[end].percent('+')} ({known})",
            "the maximum is there, and its interval above the end's",
            part == "last"
            and layer < count / 2
            and effects[part, layer].low > effects[end].high,
        ),
        Finding(
            "recall-extraction",
            "5.5",
            "late layers read it from the subject (GPT-J: −60 % without that attention)",
            f"{lost.percent('+')} of the probability without attention to the subject in five"
            f" layers around L{late}",
            "interval below −50 %, in the second half",
            lost.high < -0.5,
        ),
    ]


def function_vectors(model: Model) -> list[Finding]:
    """Function vectors (Todd et al. 2024): a sum of head outputs makes the model do the task."""
    found = model.json("lens", "function-vector", "-f", str(PAGES / "tasks.tsv"), "--shots", "5")
    findings = []
    for task in found["tasks"]:
        examples, alone = (Mean.read(task[key]) for key in ("demonstrated", "alone"))
        best, control = (
            max((Mean.read(value) for value in task[key]), key=lambda mean: mean.mean)
            for key in ("with_vector", "with_control")
        )
        model.tasks[task["name"]] = [examples, best, control, alone]
        findings.append(
            Finding(
                f"function-vector-{task['name']}",
                "5.4",
                f"a function vector carries the task “{task['name']}” without examples (GPT-J, six"
                " tasks: 57.5 %, without 5.5 %)",
                f"{best.percent()}; without {alone.percent()}; vector of exchanged outputs"
                f" {control.percent()}; with five examples {examples.percent()}"
                f" ({task['with_vector'][0]['count']} queries)",
                "3 times that without, difference from exchanged outputs above 0",
                best.mean > 0 and best.mean >= 3 * alone.mean and best.minus(control).low > 0,
            )
        )
    return findings


def amnesic(model: Model) -> list[Finding]:
    """Amnesic probing (Elazar et al. 2021): the model uses the number of a noun that LEACE erases.

    The erasure is after the first layer, before later ones read the number.
    """
    hook = "blocks.0.hook_resid_post"
    pairs = model.pairs("agreement", min(model.count, AGREEMENT))
    found = model.json(
        *("lens", "erase", "-f", str(PAGES / "number.tsv"), "--hooks", hook, "--controls", "5"),
        *("--text", str(PAGES.parent.parent / "SECURITY.md"), "--pairs", pairs),
    )
    point, before = found["hooks"][hook], found["unchanged"]
    erased, random = point["erased"], point["random"]
    probe, after = point["probe_accuracy"], erased["probe_accuracy"]
    right = [
        Mean(run["preference_accuracy"], run["preference_accuracy_half_width"])
        for run in (before, erased, random)
    ]
    loss = erased["loss"] - before["loss"]
    return [
        Finding(
            "amnesic-probe",
            "4.1",
            "a linear probe reads a property; LEACE takes it to chance",
            f"{hook}: {probe:.0%}, then {after:.0%}; most frequent class {found['majority']:.0%}",
            "above 90 %, then at most the most frequent class",
            probe > 0.9 and after <= found["majority"],
        ),
        Finding(
            "amnesic-effect",
            "4.1",
            "without it the model makes errors in agreement, and otherwise hardly changes",
            f"right {right[0].percent()}, then {right[1].percent()} (random directions"
            f" {right[2].percent()}); loss of another text {loss:+.3f}",
            "3 times the error, difference from random directions above 0, these within 5 points,"
            " loss within 0.1",
            1 - right[1].mean >= 3 * (1 - right[0].mean)
            and right[2].minus(right[1]).low > 0
            and abs(right[2].mean - right[0].mean) <= 0.05
            and loss <= 0.1,
        ),
    ]
