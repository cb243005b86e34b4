"""Measures a circuit over many pairs: `vidrio lens curve` and EAP-IG, the program of the authors.

    python circuit_speed.py smollm2.gguf --programs DIRECTORY

Both score all edges by EAP-IG with five steps, and run the circuits of ten sizes, on pairs of
indirect object identification. Vidrio runs the file as it is and all pairs. The program, a checkout
of https://github.com/hannamw/EAP-IG in DIRECTORY, runs the dequantized F32 weights on a few pairs
of median length, in batches of four, since it takes much longer: compare seconds per pair. The
program's time is twice that of the second half of its pairs, without that of selecting edges, and
it has one thread unless -t is given, since threads that wait for others count as CPU time. Prints
CPU time (of all threads), elapsed time and peak memory; compare elapsed times on an idle machine
only.

Needs the packages of requirements.txt in this directory.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import circuits
import page
import torch
from models import Model, dequantized, vidrio
from row import program

SIZES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
BATCH = 4


def measure(arguments, pairs: Path) -> tuple[float, float, float, dict]:
    """Returns CPU seconds, elapsed seconds, peak MiB and the result of Vidrio."""
    command = ("lens", "curve", "-m", arguments.model, "--pairs", str(pairs), "--json")
    measured = vidrio.measure(arguments, *command)
    return measured.cpu, measured.seconds, measured.peak, json.loads(measured.output)


def median_length(data: list, count: int) -> list:
    """Returns pairs of texts with the median number of tokens, or the nearest to it."""
    lengths = sorted(len(clean) for clean, *_ in data)
    middle = lengths[len(lengths) // 2]
    return sorted(data, key=lambda pair: abs(len(pair[0]) - middle))[:count]


def batches(data: list) -> list:
    """Returns pairs of equal length together."""
    by_length = {}
    for pair in data:
        by_length.setdefault(len(pair[0]), []).append(pair)
    return [
        tuple(list(column) for column in zip(*pairs[i : i + BATCH]))
        for pairs in by_length.values()
        for i in range(0, len(pairs), BATCH)
    ]


class Program:
    """EAP-IG on TransformerLens."""

    def __init__(self, model: Model, directory: str):
        self.eap = circuits.load_program(directory, circuits.tokenize)
        self.bridge = circuits.open_bridge(model)

    def measure(self, data: list) -> tuple[float, float]:
        """Returns CPU and elapsed seconds for scores and curve."""
        shape = {
            "n_layers": self.bridge.cfg.n_layers,
            "n_heads": self.bridge.cfg.n_heads,
            "parallel_attn_mlp": False,
            "d_model": self.bridge.cfg.d_model,
        }
        loader = batches(data)
        graph = self.eap.graph.Graph.from_model(shape)
        cpu, start = time.process_time(), time.monotonic()
        self.eap.attribute.attribute(
            self.bridge, graph, loader, circuits.metric, "EAP-IG-inputs", ig_steps=5, quiet=True
        )
        for size in SIZES:
            graph.apply_topn(int(size * len(graph.edges)), absolute=True)
            self.eap.evaluate.evaluate_graph(self.bridge, graph, loader, values, quiet=True)
        return time.process_time() - cpu, time.monotonic() - start


def values(*given):
    """Returns the metric of each pair."""
    return circuits.metric(*given, loss=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file of the architecture llama, such as SmolLM2")
    parser.add_argument("--programs", type=Path, help="a directory with a checkout EAP-IG")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--program-pairs", type=int, default=8)
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads or 1)
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        model = Model(arguments.model, arguments)
        circuits.PAIRS = arguments.pairs
        file, data = circuits.data_set(model, Path(directory))
        cpu, elapsed, peak, curve = measure(arguments, file)
        rows.append(["Vidrio", curve["pairs"], cpu, elapsed, peak])
        if arguments.programs:
            few = median_length(data, arguments.program_pairs)
            floats = Model(dequantized(arguments.model, arguments), arguments)
            checkout = str((arguments.programs / "EAP-IG").resolve())
            eap = Program(floats, checkout)
            half = eap.measure(few[: len(few) // 2])
            cpu, elapsed = (2 * (a - b) for a, b in zip(eap.measure(few), half))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            name = f"EAP-IG, {program('transformer-lens', 'TransformerLens')}"
            rows.append([name, len(few), cpu, elapsed, peak])
    lines = [
        [name, str(n), f"{cpu:.1f}", f"{cpu / n:.3f}", f"{elapsed:.1f}", f"{peak:.0f}"]
        for name, n, cpu, elapsed, peak in rows
    ]
    head = ["program", "pairs", "CPU s", "CPU s per pair", "elapsed s", "peak MiB"]
    print(page.table(head, lines), end="")


if __name__ == "__main__":
    main()
