"""Draws what findings.py measured, as small SVG files that read on light and dark pages alike.

Needs matplotlib.
"""

import sys
from pathlib import Path

import numpy as np
from finding import CIRCUIT, Mean, Model
from page import PAGES, vidrio

sys.path.insert(0, str(vidrio.LAUNCHER.parent / "bench/report"))
from plots import COLOURS, INK, plt  # noqa: E402

BLUE, SKY, GREEN, GRAY = COLOURS["native"]
RED, ORANGE = COLOURS["java"]
DIRECTORY = PAGES / "findings"


def draw(model: Model) -> None:
    """Writes a picture of each kind for which the model has figures."""
    DIRECTORY.mkdir(exist_ok=True)
    if "heads" in vars(model):
        save(heads(model), model, "heads")
    if model.curves:
        save(curves(model), model, "curves")
    if model.tasks:
        save(tasks(model), model, "tasks")
    if model.neurons:
        save(neurons(model), model, "neurons")


def save(figure, model: Model, name: str) -> None:
    path = DIRECTORY / f"{name}-{model.name}.svg"
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def heads(model: Model):
    """Returns the scores of heads, layers from left to right."""
    found = model.heads["heads"]
    figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), layout="constrained", sharex=True)
    shape = [1 + max(head[axis] for head in found) for axis in ("head", "layer")]
    titles = {"induction": "token after the previous occurrence", "first": "first token"}
    for part, (score, title) in zip(axes, titles.items()):
        values = np.zeros(shape)
        for head in found:
            values[head["head"], head["layer"]] = head[score]
        image = part.imshow(values, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        part.set_yticks(range(shape[0]), range(shape[0]), fontsize=7)
        part.set_ylabel("head")
        part.set_title(f"attention to the {title}", fontsize=10)
    layers = range(0, shape[1], 2)
    axes[-1].set_xticks(layers, layers, fontsize=7)
    axes[-1].set_xlabel("layer")
    figure.colorbar(image, ax=axes, label="mean weight")
    return figure


def curves(model: Model):
    """Returns the faithfulness of circuits by their share of the edges."""
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for value, style in ((1, "-"), (CIRCUIT, "--")):
        axes.axhline(value, color=GRAY, linewidth=0.7, linestyle=style)
    marks = zip([BLUE, ORANGE, GREEN, RED], "os^v")
    for (name, curve), (color, mark) in zip(model.curves.items(), marks):
        points = curve["points"]
        sizes = [100 * point["size"] for point in points]
        values = [point["faithfulness"] for point in points]
        axes.plot(sizes, values, color=color, marker=mark, markersize=4, label=name)
    axes.set_xscale("log")
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("edges of the circuit, in %")
    axes.set_ylabel("faithfulness")
    legend(axes, 3)
    return figure


def tasks(model: Model):
    """Returns how often the answer to a task without examples is right."""
    return bars(
        model.tasks,
        ["five examples", "function vector", "vector of exchanged outputs", "without"],
        [BLUE, GREEN, ORANGE, GRAY],
        "right answers, in %",
        100,
    )


def neurons(model: Model):
    """Returns how much ablating a neuron changes the entropy of predictions."""
    return bars(
        model.neurons,
        ["all effects", "with a frozen divisor"],
        [BLUE, ORANGE],
        "mean change of entropy, in nats",
        1,
    )


def bars(groups: dict[str, list[Mean]], labels: list[str], colors, axis: str, factor: float):
    """Returns means with their intervals, as groups of bars."""
    figure, axes = plt.subplots(figsize=(7, 3.2))
    width = 0.8 / len(labels)
    at = np.arange(len(groups))
    for i, (label, color) in enumerate(zip(labels, colors)):
        means = [values[i] for values in groups.values()]
        axes.bar(
            at + (i - (len(labels) - 1) / 2) * width,
            [factor * mean.mean for mean in means],
            width,
            yerr=[factor * mean.half for mean in means],
            error_kw={"ecolor": INK, "elinewidth": 0.8},
            color=color,
            label=label,
        )
    axes.set_xticks(at, list(groups))
    axes.set_ylim(0)
    axes.set_ylabel(axis)
    legend(axes, 4)
    return figure


def legend(axes, columns: int) -> None:
    axes.legend(
        frameon=False, fontsize=8, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1)
    )
