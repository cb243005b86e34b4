"""Reads what the benchmarks wrote: JMH's results, comparisons with other engines, the machine."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
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
FLOATS = {"F32": 4.0, "F16": 2.0, "BF16": 2.0}
BYTES_PER_WEIGHT = FLOATS | {
    "Q4_0": 18 / 32,
    "Q4_1": 20 / 32,
    "Q5_0": 22 / 32,
    "Q5_1": 24 / 32,
    "Q8_0": 34 / 32,
    "Q2_K": 84 / 256,
    "Q3_K": 110 / 256,
    "Q4_K": 144 / 256,
    "Q5_K": 176 / 256,
    "Q6_K": 210 / 256,
    "IQ4_NL": 18 / 32,
    "MXFP4": 17 / 32,
}


@dataclass
class Task:
    """Results of one work load on several executors."""

    benchmark: str
    parameters: dict[str, str]
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def time(self, executor: str) -> float:
        return median(self.seconds[executor])

    def best(self, executors) -> str | None:
        """The fastest of the executors that ran."""
        ran = [executor for executor in executors if executor in self.seconds]
        return min(ran, key=self.time, default=None)

    def native(self) -> str | None:
        return self.best(e for e in self.seconds if e.startswith("native-"))

    def java(self) -> str | None:
        return self.best(("vector", "scalar"))

    @property
    def tokens(self) -> int:
        return int(self.parameters.get("tokens", 1))

    def shape(self) -> dict:
        return json.loads((SHAPES / f"{self.parameters['model']}.json").read_text())

    def matrix(self) -> tuple[int, int] | None:
        """N and K of a product."""
        projection = self.parameters.get("projection")
        return MATRICES[projection](self.shape()) if projection else None

    def operations(self) -> float:
        """Multiplications and additions of one run; 0 where they are not what counts."""
        if self.matrix():
            n, k = self.matrix()
            return 2.0 * self.tokens * n * k
        if self.benchmark.startswith("Attention"):
            s = self.shape()
            positions = self.tokens * int(self.parameters["depth"])
            positions += self.tokens * (self.tokens + 1) // 2
            return 4.0 * s["H"] * s["d_h"] * positions
        return 0.0

    def bytes(self) -> float:
        """Bytes that have to come from memory: weights, or keys and values."""
        if self.matrix():
            n, k = self.matrix()
            return n * k * BYTES_PER_WEIGHT[self.parameters.get("type", "F32")]
        if self.benchmark.startswith("Attention"):
            s = self.shape()
            return 2.0 * 4 * s["H_kv"] * s["d_h"] * (int(self.parameters["depth"]) + self.tokens)
        return 0.0

    def share(self, executor: str, machine: dict) -> tuple[float, str] | None:
        """Returns the fraction of the machine's peak that an executor reaches, and the peak's name."""
        if not self.operations():
            return None
        product = self.matrix() and self.parameters.get("type", "F32") not in FLOATS
        peak = "int8_ops_per_second" if product else "f32_flops_per_second"
        limits = [
            (self.bytes() / machine["read_bytes_per_second"], "reads"),
            (self.operations() / machine[peak], "int8" if product else "f32"),
        ]
        least, name = max(limits)
        return least / self.time(executor), name


def tasks(directory: Path) -> list[Task]:
    """The tasks of all *.jmh.json; several files and forks of a task count as one."""
    found: dict = {}
    for path in sorted(directory.glob("*.jmh.json")):
        for result in json.loads(path.read_text()):
            parameters = dict(result.get("params", {}))
            executor = parameters.pop("executor", "time")
            name = ".".join(result["benchmark"].split(".")[-2:])
            if name == "BlasBenchmark.openBlas":  # the rival of the same class's kernel
                name, executor, parameters["threads"] = "BlasBenchmark.kernel", "openblas", "1"
            metric = result["primaryMetric"]
            if metric["scoreUnit"] not in SECONDS:
                raise ValueError(f"{path}: {name} is in {metric['scoreUnit']}, must be a time")
            key = name, tuple(sorted(parameters.items()))
            task = found.setdefault(key, Task(name, parameters))
            factor = SECONDS[metric["scoreUnit"]]
            task.seconds[executor] += [mean(fork) * factor for fork in metric["rawData"]]
    return list(found.values())


def comparisons(directory: Path) -> list[dict]:
    """Returns the results of bench/peers/compare_speed.py, in the order in which they were measured.

    Files speed-*.json of one model count as one.
    """
    found: dict[str, dict] = {}
    for path in sorted(directory.glob("speed-*.json"), key=lambda file: file.stat().st_mtime):
        comparison = json.loads(path.read_text())
        whole = found.setdefault(comparison["model"], comparison)
        if whole is not comparison:
            whole["rows"] += comparison["rows"]
            for name, engine in comparison["engines"].items():
                known = whole["engines"].setdefault(name, engine)
                if known is not engine:
                    known["settings"] |= engine["settings"]
                    known["trials"] += engine["trials"]
                    known["errors"] += engine["errors"]
    return list(found.values())


def profiles(directory: Path) -> list[tuple[str, list[dict]]]:
    """The name of each profiled model, and its operations as `vidrio bench --ops --json` tells them."""
    return [
        (path.stem.removeprefix("ops-"), json.loads(path.read_text())["ops"])
        for path in sorted(directory.glob("ops-*.json"))
    ]


def machine(directory: Path) -> dict:
    """What `vidrio doctor --json` wrote, in machine.json."""
    return json.loads((directory / "machine.json").read_text())
