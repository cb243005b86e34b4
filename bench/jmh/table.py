"""Makes a table of JMH results: a row per task, a column per executor.

    python3 bench/jmh/table.py RESULT.json...

The files are what `-rf json -rff RESULT.json` writes. Several files of the same benchmarks count as
one: a number is the median over all forks of all files, with half the range of the forks in percent
of it where there are several. `Java/native` is the time of the faster Java executor over that of
the fastest native one: above 1, native code wins. Products also get the operations per second of
the fastest executor, 2·M·N·K over its time.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean, median

SHAPES = Path(__file__).resolve().parent.parent / "shapes"
SECONDS = {"ns/op": 1e-9, "us/op": 1e-6, "ms/op": 1e-3, "s/op": 1.0}
MATRICES = {
    "ATTN_Q": lambda s: (s["H"] * s["d_h"], s["d"]),
    "ATTN_K": lambda s: (s["H_kv"] * s["d_h"], s["d"]),
    "ATTN_OUTPUT": lambda s: (s["d"], s["H"] * s["d_h"]),
    "FFN_UP": lambda s: (s["d_ffn"], s["d"]),
    "FFN_DOWN": lambda s: (s["d"], s["d_ffn"]),
    "UNEMBED": lambda s: (s["V"], s["d"]),
}


def read(paths: list[str]) -> dict:
    """Returns {(benchmark, parameters): {executor: [seconds per operation of each fork]}}."""
    tasks = defaultdict(lambda: defaultdict(list))
    for path in paths:
        for result in json.loads(Path(path).read_text()):
            parameters = dict(result.get("params", {}))
            executor = parameters.pop("executor", "time")
            name = ".".join(result["benchmark"].split(".")[-2:])
            metric = result["primaryMetric"]
            if metric["scoreUnit"] not in SECONDS:
                raise ValueError(
                    f"{path}: {name} is in {metric['scoreUnit']}, must be a time per operation"
                )
            factor = SECONDS[metric["scoreUnit"]]
            forks = [mean(fork) * factor for fork in metric["rawData"]]
            tasks[name, tuple(sorted(parameters.items()))][executor] += forks
    return tasks


def operations(parameters: dict) -> int:
    """Operations of a product; 0 where the parameters describe none."""
    if "projection" not in parameters:
        return 0
    shape = json.loads((SHAPES / f"{parameters['model']}.json").read_text())
    n, k = MATRICES[parameters["projection"]](shape)
    return 2 * int(parameters["tokens"]) * n * k


def ratio(times: dict) -> str:
    native = [seconds for executor, seconds in times.items() if executor.startswith("native-")]
    java = [seconds for executor, seconds in times.items() if executor in ("vector", "scalar")]
    return f"{min(java) / min(native):.2f}" if native and java else ""


def duration(seconds: float) -> str:
    unit = next((unit for unit in ("s/op", "ms/op", "us/op") if seconds >= SECONDS[unit]), "ns/op")
    return f"{seconds / SECONDS[unit]:.3g} {unit.removesuffix('/op')}"


def cell(forks: list[float]) -> str:
    if len(forks) < 2:
        return "".join(map(duration, forks))
    spread = (max(forks) - min(forks)) / 2 / median(forks)
    return f"{duration(median(forks))} ±{spread:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a Markdown table of JMH results.")
    parser.add_argument("results", nargs="+", help="JSON files that JMH wrote")
    arguments = parser.parse_args()
    try:
        tasks = read(arguments.results)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    executors = list(dict.fromkeys(executor for times in tasks.values() for executor in times))
    header = ["task", *executors, "Java/native", "fastest"]
    print("| " + " | ".join(header) + " |")
    print("|---" * len(header) + "|")
    for (name, parameters), forks in tasks.items():
        times = {executor: median(seconds) for executor, seconds in forks.items()}
        work = operations(dict(parameters))
        row = [" ".join([name, *(f"{key}={value}" for key, value in parameters)])]
        row += [cell(forks.get(executor, [])) for executor in executors]
        row += [ratio(times), f"{work / min(times.values()) / 1e9:.3g} GOP/s" if work else ""]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
