"""Makes docs/benchmarks.md and its plots of the results that bench/run.sh left in a directory.

    python bench/report/report.py build/bench

Needs matplotlib. A number is the median over all forks and files of a task.
"""

import argparse
import datetime
from pathlib import Path
from statistics import median

import plots
import results

# Operations that take less of a step are not listed.
SHOWN_SHARE = 0.01

DOCS = Path(__file__).resolve().parents[2] / "docs"

HEAD = """# Benchmarks

Compares Vidrio with llama.cpp, and native kernels with Java kernels. `bench/report/report.py` generates this page from measured results. To generate it for your machine:

```sh
bench/run.sh --llama DIRECTORY MODEL.gguf...      # DIRECTORY has llama-bench and llama-batched-bench
build/peers/bin/python bench/report/report.py build/bench
```

Without `--llama` and models, the first command measures only kernels. [bench/README.md](../bench/README.md) describes the method. A ratio above 1 means that Vidrio, or native code, is faster. Compare only figures from one machine.
"""


def si(value: float, unit: str) -> str:
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def duration(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def machine_section(machine: dict) -> str:
    peaks = [
        f"{machine['cpu']}, {machine['threads']} workers, best instruction set `{machine['isa']}`",
        f"reads {si(machine['read_bytes_per_second'], 'B/s')}, "
        f"f32 {si(machine['f32_flops_per_second'], 'op/s')}, "
        f"int8 {si(machine['int8_ops_per_second'], 'op/s')} (measured by `vidrio doctor`)",
        f"JDK {machine['jdk'].split(' at ')[0]}",
    ]
    return "## Machine\n\n" + "".join(f"- {line}\n" for line in peaks)


def peers_section(comparison: dict) -> str:
    rows = []
    for test, engines in comparison["tokens_per_second"].items():
        ratios = [our / their for our, their in zip(engines["vidrio"], engines["llama.cpp"])]
        rows.append(
            [
                test,
                f"{median(engines['llama.cpp']):.0f}",
                f"{median(engines['vidrio']):.0f}",
                f"**{median(ratios):.2f}**",
                f"{min(ratios):.2f} – {max(ratios):.2f}",
            ]
        )
    rounds = len(next(iter(comparison["tokens_per_second"].values()))["vidrio"])
    return (
        f"### {comparison['model']}\n\n"
        + table(["test", "llama.cpp, tokens/s", "Vidrio, tokens/s", "ratio", "range"], rows)
        + f"\n`bench/peers/compare_speed.py`, {rounds} interleaved rounds. `@` is the number of tokens "
        "already in the context, `x` the number of sequences.\n"
    )


def profile_section(model: str, operations: list[dict]) -> str:
    rows = [
        [
            line["step"],
            line["kind"],
            duration(line["seconds"]),
            f"{line['share']:.1%}",
            f"{line['share_of_peak']:.0%} of {line['peak']}" if "peak" in line else "",
        ]
        for line in operations
        if line["share"] >= SHOWN_SHARE
    ]
    return f"### {model}\n\n" + table(["step", "operation", "time", "share", "share of peak"], rows)


def label(task: results.Task) -> str:
    hidden = ("model", "projection", "tokens", "threads")
    shown = [
        f"{key} {value}" if value.isdigit() else value
        for key, value in task.parameters.items()
        if key not in hidden
    ]
    method = task.benchmark.split(".")[1]
    return " ".join([method] * (method != "run") + shown) or "–"


def row(task: results.Task, executors: list[str], machine: dict) -> list[str]:
    times = [duration(task.time(e)) if e in task.seconds else "" for e in executors]
    native, java = task.native(), task.java()
    ratio = f"{task.time(java) / task.time(native):.2f}" if native and java else ""
    share = task.share(native, machine) if native else None
    rate = ""
    if native and share:
        unit = ("B/s", task.bytes()) if share[1] == "reads" else ("op/s", task.operations())
        rate = si(unit[1] / task.time(native), unit[0])
    return [label(task), *times, ratio, rate, f"{share[0]:.0%} of {share[1]}" if share else ""]


def group_title(task: results.Task) -> str:
    parts = []
    if task.matrix():
        n, k = task.matrix()
        parts.append(f"{task.parameters['model']} {task.parameters['projection']} {n}×{k}")
    elif "model" in task.parameters:
        parts.append(task.parameters["model"])
    if "tokens" in task.parameters:
        parts.append(f"{task.tokens} token" + "s" * (task.tokens > 1))
    if "threads" in task.parameters:
        threads = task.parameters["threads"]
        parts.append(f"{threads} thread" + "s" * (threads != "1"))
    return ", ".join(parts)


def family_section(family: str, tasks: list[results.Task], machine: dict) -> str:
    groups: dict[str, list[results.Task]] = {}
    for task in tasks:
        groups.setdefault(group_title(task), []).append(task)
    text = f"### {family}\n"
    for number, (title, group) in enumerate(groups.items()):
        executors = list(dict.fromkeys(e for task in group for e in task.seconds))
        header = ["", *executors, "Java/native", "native rate", "share of peak"]
        text += f"\n**{title}**\n\n" if title else "\n"
        name = f"{family.lower()}-{number + 1}.svg"
        if plots.bars(DOCS / "benchmarks" / name, title, group, label):
            text += f"![{family}: {title}](benchmarks/{name})\n\n"
        text += table(header, [row(task, executors, machine) for task in group])
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes docs/benchmarks.md of measured results.")
    parser.add_argument("directory", type=Path, help="machine.json, *.jmh.json, speed-*.json and ops-*.json")
    arguments = parser.parse_args()
    try:
        machine = results.machine(arguments.directory)
        tasks = results.tasks(arguments.directory)
        comparisons = results.comparisons(arguments.directory)
        profiles = results.profiles(arguments.directory)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    (DOCS / "benchmarks").mkdir(exist_ok=True)
    families: dict[str, list[results.Task]] = {}
    for task in tasks:
        families.setdefault(task.benchmark.split(".")[0].removesuffix("Benchmark"), []).append(task)
    sections = [HEAD, machine_section(machine) + f"- {datetime.date.today()}\n"]
    if comparisons:
        sections.append("## Against llama.cpp\n")
        sections += [peers_section(comparison) for comparison in comparisons]
    if profiles:
        sections.append(
            "## Where the time goes\n\n`vidrio bench -p 512 -d 4096 --ops`: a prompt of 512 tokens and "
            "one generated token, after 4096. Each operation is timed separately; steps run "
            "elementwise operations as epilogues of products, which is faster. The share of peak refers "
            "to memory bandwidth or arithmetic, whichever bounds the operation.\n"
        )
        sections += [profile_section(model, operations) for model, operations in profiles]
    if families:
        sections.append(
            "## Kernels: native against Java\n\nAll executors run one operation on equal inputs, and "
            "results are compared bit for bit before timing. `Java/native` is the time of the fastest Java "
            "executor divided by that of the fastest native one.\n"
        )
        sections += [family_section(name, group, machine) for name, group in families.items()]
    (DOCS / "benchmarks.md").write_text("\n".join(sections))
    print(f"wrote {DOCS / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
