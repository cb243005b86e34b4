"""Makes docs/benchmarks.md and its plots of the results that bench/run.sh left in a directory.

    python bench/report/report.py build/bench [--machine NAME]

A number is the median over all forks and files of a task. A section of the page is replaced if the
directory has results for it, and kept otherwise, as are sections of machines with other names. Plots
need matplotlib.
"""

import argparse
import datetime
from pathlib import Path
from statistics import median

import results

# Operations that take less of a step are not listed.
SHOWN_SHARE = 0.01

DOCS = Path(__file__).resolve().parents[2] / "docs"

PEERS = "Against other engines"
PROFILES = "Where the time goes"
KERNELS = "Native against Java kernels"

HEAD = """# Benchmarks

Compares Vidrio with other engines, and native kernels with Java kernels. `bench/report/report.py` generates this page from measured results. To generate it for your machine:

```sh
bench/run.sh --llama DIRECTORY --ik DIRECTORY --openvino PYTHON --mistralrs PYTHON MODEL.gguf...
build/peers/bin/python bench/report/report.py build/bench --machine "my machine"
```

Engines that are not given are left out; without models, the first command measures only kernels. [bench/README.md](../bench/README.md) says where to get the engines, and describes the method. A ratio above 1 means that Vidrio, or native code, is faster. Compare only figures from one machine.

Every other engine runs in the setting in which it was fastest itself, chosen for each test by shorter ones; Vidrio has its defaults, and for the start the faster of repacked and original weights. The ratio is Vidrio's speed relative to the fastest of the other engines in that test, the median of interleaved rounds, with the range. Engines that are less than half as fast as the best one run a test only once. `pp` is a prompt, `tg` generation, both in tokens per second; `@` is the number of tokens already in the context, `x` the number of sequences; `start` is the time from the start of the process to its first token, with the file in the page cache. `bench/peers/compare_speed.py` measures them.
"""

PROFILES_INTRO = """
`vidrio bench -p 512 -d 4096 --ops`: a prompt of 512 tokens and one generated token, after 4096. Each operation is timed separately; steps run elementwise operations as epilogues of products, which is faster. The share of peak refers to memory bandwidth or arithmetic, whichever bounds the operation.
"""

KERNELS_INTRO = """
All executors run one operation on equal inputs, and results are compared bit for bit before timing. `Java/native` is the time of the fastest Java executor divided by that of the fastest native one.
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


def machine_lines(machine: dict) -> str:
    lines = [
        f"{machine['cpu']}, {machine['threads']} workers, best instruction set `{machine['isa']}`",
        f"reads {si(machine['read_bytes_per_second'], 'B/s')}, "
        f"f32 {si(machine['f32_flops_per_second'], 'op/s')}, "
        f"int8 {si(machine['int8_ops_per_second'], 'op/s')}, "
        f"bf16 {si(machine['bf16_ops_per_second'], 'op/s')} (measured by `vidrio doctor`)",
        f"JDK {machine['jdk'].split(' at ')[0]}",
        f"{datetime.date.today()}",
    ]
    return "".join(f"- {line}\n" for line in lines)


def figure(values: list[float | None], unit: str) -> str:
    """Returns the median of the rounds that ran."""
    ran = [value for value in values if value is not None]
    if not ran:
        return "–"
    middle = median(ran)
    return f"{middle:.2f} s" if unit == "s" else f"{middle:.3g}" if middle < 100 else f"{middle:.0f}"


def peers_section(comparison: dict) -> str:
    engines = list(comparison["engines"])
    ours = [engine for engine in engines if engine.startswith("Vidrio")]
    rivals = [engine for engine in engines if engine not in ours]
    header = ["test", *ours, *rivals, "best rival"]
    for engine in ours:
        header += ["ratio" if engine == "Vidrio" else f"ratio of {engine}", "range"]
    rows = []
    for line in comparison["rows"]:
        cells = [line["test"]]
        for engine in ours + rivals:
            text = figure(line["figures"].get(engine, []), line["unit"])
            cells.append(f"**{text}**" if engine == line["rival"] else text)
        cells.append(line["rival"] or "")
        for engine in ours:
            ratio = line["ratios"].get(engine)
            cells.append(f"**{ratio['median']:.2f}**" if ratio else "")
            cells.append(f"{ratio['min']:.2f} – {ratio['max']:.2f}" if ratio else "")
        rows.append(cells)
    rounds = [len(line["figures"]["Vidrio"]) for line in comparison["rows"]]
    text = f"### {comparison['model']}\n\n" + table(header, rows)
    text += f"\n{span(rounds)}. The settings:\n\n"
    for engine, details in comparison["engines"].items():
        by_setting: dict[str, list[str]] = {}
        for test, setting in details["settings"].items():
            by_setting.setdefault(setting, []).append(test)
        chosen = "; ".join(f"{', '.join(tests)}: {one}" for one, tests in by_setting.items())
        ran = any(
            value is not None for line in comparison["rows"] for value in line["figures"].get(engine, [])
        )
        text += f"- {engine} {details['version']}".rstrip()
        text += f": {chosen}" if ran else f": did not run ({'; '.join(details['errors'])})"
        text += "\n"
    return text


def span(rounds: list[int]) -> str:
    least, most = min(rounds), max(rounds)
    return (str(least) if least == most else f"{least} to {most}") + " round" + "s" * (most != 1)


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
    import plots  # needs matplotlib, which a page without new kernel results does not

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


def title(kind: str, machine: str | None) -> str:
    return f"{kind}: {machine}" if machine else kind


def ordered(sections: dict[str, str], kinds: list[str]) -> list[str]:
    """Returns the sections by kind, those of one kind in their order on the page."""
    return [
        text
        for kind in kinds
        for name, text in sections.items()
        if name == kind or name.startswith(f"{kind}: ")
    ]


def kept_sections(page: str) -> dict[str, str]:
    """Returns the sections of a page by title."""
    parts = page.split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part}".rstrip("\n") + "\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes docs/benchmarks.md of measured results.")
    parser.add_argument("directory", type=Path, help="machine.json, *.jmh.json, speed-*.json and ops-*.json")
    parser.add_argument("--machine", metavar="NAME", help="name the machine in the titles of sections")
    arguments = parser.parse_args()
    page = DOCS / "benchmarks.md"
    try:
        machine = results.machine(arguments.directory)
        tasks = results.tasks(arguments.directory)
        comparisons = results.comparisons(arguments.directory)
        profiles = results.profiles(arguments.directory)
        sections = kept_sections(page.read_text()) if page.exists() else {}
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    (DOCS / "benchmarks").mkdir(exist_ok=True)
    families: dict[str, list[results.Task]] = {}
    for task in tasks:
        families.setdefault(task.benchmark.split(".")[0].removesuffix("Benchmark"), []).append(task)
    found = {
        PEERS: ("", [peers_section(comparison) for comparison in comparisons]),
        PROFILES: (PROFILES_INTRO, [profile_section(model, ops) for model, ops in profiles]),
        KERNELS: (
            KERNELS_INTRO,
            [family_section(name, group, machine) for name, group in families.items()],
        ),
    }
    for kind, (intro, parts) in found.items():
        if parts:
            name = title(kind, arguments.machine)
            start = f"## {name}\n\n{machine_lines(machine)}{intro}"
            sections[name] = "\n".join([start, *parts])
    page.write_text("\n".join([HEAD, *ordered(sections, list(found))]))
    print(f"wrote {page}")


if __name__ == "__main__":
    main()
