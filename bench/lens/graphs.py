"""Attribution graphs with transcoders against circuit-tracer, the program of their authors.

The program is a checkout of https://github.com/decoderesearch/circuit-tracer. It runs on
HookedTransformer, which TransformerLens 4 removed, so it runs in a process of its own with
TransformerLens 2: DIRECTORY/circuit-tracer/packages, from

    pip install --no-deps --target packages transformer-lens==2.16.1 better_abc fancy_einsum

Transcoders are random, in files that the program writes: the graph of random features is as exact
as that of trained ones.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from row import Row, error

TEXT = "The capital of France"
KINDS = {
    "plain": "transcoders",
    "skip": "transcoders with skip connections",
    "cross-layer": "a cross-layer transcoder",
}


def check(model, checkout: str) -> list[Row]:
    rows = []
    for kind, name in KINDS.items():
        with tempfile.TemporaryDirectory() as directory:
            theirs = traced(model, checkout, kind, directory)
            ours = model.vidrio(
                *("lens", "graph", "-p", TEXT, "--transcoders", directory),
                *("--node-share", "1", "--edge-share", "1", "--features", "16384"),
            )
        assert ours["tokens"] == theirs["tokens"]
        rows += compare(name, ours, theirs)
    return rows


def traced(model, checkout: str, kind: str, directory: str) -> dict:
    """Runs the program, which writes random transcoders to a directory."""
    path = os.pathsep.join((str(Path(checkout) / "packages"), checkout))
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("circuit_tracer_graph.py"))],
        input=json.dumps(
            {"model": model.path, "text": TEXT, "kind": kind, "directory": directory}
        ),
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def compare(over: str, ours: dict, theirs: dict) -> list[Row]:
    """Compares all edges and both scores."""
    edges = {(edge["from"].split(' "')[0], edge["to"]): edge["effect"] for edge in ours["edges"]}
    targets = {node["node"]: node for node in ours["nodes"]}
    logits = {node["id"]: name for name, node in targets.items() if node["kind"] == "logit"}
    # A node without influence has no edges in Vidrio's graph.
    attributed = {name for name, node in targets.items() if node["influence"] > 0 or node["kind"] == "logit"}
    names = [logits[id_] if kind == "logit" else name for kind, id_, name in theirs["nodes"]]
    rows = [i for i, name in enumerate(names) if name in attributed]
    matrix = np.array(theirs["matrix"])[rows]
    mine = np.array([[edges.get((source, names[i]), 0) for source in names] for i in rows])
    row = f"attribution graph over {over}", "lens graph --transcoders", theirs["program"]
    found = {node["node"] for node in ours["nodes"] if node["kind"] in ("feature", "logit")}
    count = sum(name in found for name in names)
    return [
        Row(*row, f"relative error of {np.count_nonzero(matrix)} edges", error(mine, matrix), 1e-3),
        Row(*row, f"features and logits in both, of {count}", len(found) / count, 1, lower=True),
    ]
