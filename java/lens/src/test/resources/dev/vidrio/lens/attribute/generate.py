#!/usr/bin/env python3
"""Writes attention flow as its authors compute it, by maximum flows of networkx.

Usage: generate.py FILE, the file attention_graph_util.py of
https://github.com/samiraabnar/attention_flow.

Each line of flow.tsv has a layer, a token and an earlier token or itself, the share of the second
in the first by this layer alone, which is drawn at random, and its share of the flow from the first
after this layer to all inputs.

Needs networkx and numpy.
"""

import ast
import sys
from pathlib import Path

import networkx as nx
import numpy as np

HERE = Path(__file__).resolve().parent
LAYERS, TOKENS = 4, 6


def functions(path: Path, *names: str):
    """Returns functions of a file, without the packages that the file imports."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    scope = {"np": np, "nx": nx}
    exec(compile(tree, path, "exec"), scope)
    return [scope[name] for name in names]


def shares() -> np.ndarray:
    """Returns causal shares that add up to 1 by row; many are 0, so that paths share edges."""
    random = np.random.default_rng(0)
    drawn = np.tril(random.exponential(size=(LAYERS, TOKENS, TOKENS)) ** 2)
    drawn *= random.uniform(size=drawn.shape) < 0.7
    drawn += 0.1 * np.eye(TOKENS)
    return drawn / drawn.sum(-1, keepdims=True)


def main():
    get_adjmat, compute_flows = functions(Path(sys.argv[1]), "get_adjmat", "compute_flows")
    mixing = shares()
    tokens = [str(i) for i in range(TOKENS)]
    adjacency, labels = get_adjmat(mixing, tokens)
    graph = nx.from_numpy_array(adjacency, create_using=nx.DiGraph)
    nx.set_edge_attributes(graph, nx.get_edge_attributes(graph, "weight"), "capacity")
    inputs = [label for label in labels if not label.startswith("L")]
    flows = compute_flows(graph, labels, inputs, TOKENS)
    lines = ["layer\ttoken\tsource\tshare\tflow"]
    for layer in range(LAYERS):
        for i in range(TOKENS):
            for j in range(i + 1):
                flow = flows[(layer + 1) * TOKENS + i, layer * TOKENS + j]
                lines.append(f"{layer}\t{i}\t{j}\t{mixing[layer, i, j]:.17g}\t{flow:.17g}")
    (HERE / "flow.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
