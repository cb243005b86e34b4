"""Bar charts that read on light and dark pages alike."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

INK = "#7a7f87"
# The palette of Okabe and Ito, which color-blind readers can tell apart.
COLOURS = {"native": ["#0072b2", "#56b4e9", "#009e73", "#999999"], "java": ["#d55e00", "#e69f00"]}

plt.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "vidrio",  # the same results give the same file
        "font.family": "sans-serif",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def colours(executors: list[str]) -> dict[str, str]:
    left = {kind: list(palette) for kind, palette in COLOURS.items()}
    chosen = {}
    for executor in reversed(executors):
        palette = left["java" if executor in ("vector", "scalar") else "native"]
        chosen[executor] = palette.pop(0) if palette else INK
    return chosen


def bars(path: Path, title: str, tasks: list, label) -> bool:
    """Draws each task's speed by executor, as operations per second or as runs per second.

    Returns False, and draws nothing, where fewer than two executors ran.
    """
    executors = list(dict.fromkeys(e for task in tasks for e in task.seconds))
    if len(executors) < 2:
        return False
    products = all(task.operations() for task in tasks)
    height = 0.8 / len(executors)
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.16 * len(executors) * len(tasks)))
    chosen = colours(executors)
    for i, executor in enumerate(executors):
        at = [
            (row + (i - (len(executors) - 1) / 2) * height, task)
            for row, task in enumerate(tasks)
            if executor in task.seconds
        ]
        work = [task.operations() / 1e9 if products else 1e-6 for _, task in at]
        axes.barh(
            [y for y, _ in at],
            [w / task.time(executor) for w, (_, task) in zip(work, at)],
            height,
            color=chosen[executor],
            label=executor,
        )
    axes.set_yticks(range(len(tasks)), [label(task) for task in tasks])
    axes.invert_yaxis()
    axes.set_xlabel("Gop/s" if products else "million runs/s")
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return True
