"""Scores of edges and circuits against EAP-IG, the program of the method's authors.

The program is a checkout of https://github.com/hannamw/EAP-IG. It runs on TransformerLens, on the
CPU, with the token ids that Vidrio gives. Heads of grouped attention get keys and values of their
own there, as the program requires; the scores of heads that share a key-value head are added up.

The edges of pairs of indirect object identification are scored on the mean of the logit
differences, and the circuits of the program's scores run in both.
"""

import importlib.util
import json
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
import transformer_lens
from row import Row
from row import error as relative_error
from transformer_lens.model_bridge import TransformerBridge

PAIRS = 6
STEPS = 5
TOP = 200
SHARES = [0.001, 0.01, 0.1, 0.5]
# Vidrio's name of each method, and the program's.
METHODS = {
    "eap": "EAP",
    "eap_ig_inputs": "EAP-IG-inputs",
    "clean_corrupted": "clean-corrupted",
}


def open_bridge(model) -> TransformerBridge:
    """Opens the model with ungrouped heads in TransformerLens."""
    bridge = model.open_bridge(ungroup)
    bridge.cfg.use_attn_result = True
    bridge.cfg.use_split_qkv_input = True
    bridge.cfg.use_hook_mlp_in = True
    bridge.cfg.ungroup_grouped_query_attention = True
    return bridge


def ungroup(model) -> None:
    """Gives each query head keys and values of its own."""
    heads, shared = model.config.num_attention_heads, model.config.num_key_value_heads
    for block in model.model.layers:
        attention = block.self_attn
        for projection in (attention.k_proj, attention.v_proj):
            rows = projection.weight.data.reshape(shared, -1, projection.in_features)
            rows = rows.repeat_interleave(heads // shared, dim=0)
            projection.weight.data = rows.reshape(-1, projection.in_features)
            projection.out_features = projection.weight.shape[0]
        attention.num_key_value_groups = 1
    model.config.num_key_value_heads = heads


def load_program(directory: str, tokenize) -> types.SimpleNamespace:
    """Imports the program's modules, on the CPU and with other tokenization."""
    transformer_lens.HookedTransformer = TransformerBridge
    transformer_lens.HookedTransformerConfig = types.SimpleNamespace
    utilities = types.ModuleType("transformer_lens.utils")
    utilities.get_attention_mask = None
    sys.modules.setdefault("transformer_lens.utils", utilities)
    package = types.ModuleType("eap")
    package.__path__ = [str(Path(directory) / "src" / "eap")]
    sys.modules["eap"] = package
    pictures = types.ModuleType("eap.visualization")
    pictures.get_color = pictures.generate_random_color = None
    sys.modules["eap.visualization"] = pictures
    loaded = {}
    for name in ["graph", "utils", "evaluate", "attribute"]:
        path = Path(package.__path__[0]) / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"eap.{name}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[f"eap.{name}"] = module
        source = path.read_text().replace("'cuda'", "'cpu'")
        # The bridge gives hooks the residual stream itself, which must not change with an input.
        source = source.replace("activations += update", "activations = activations + update")
        exec(compile(source, str(path), "exec"), module.__dict__)
        if hasattr(module, "tokenize_plus"):
            module.tokenize_plus = tokenize
        loaded[name] = module
    return types.SimpleNamespace(**loaded)


def tokenize(model, texts, max_length=None):
    """Returns token ids that are already known, as the program's function does."""
    tokens = torch.tensor(texts)
    count = tokens.shape[1]
    return tokens, torch.ones_like(tokens), torch.full((len(texts),), count), count


def metric(logits, clean_logits, lengths, labels, loss=True):
    """Returns the logit differences of answers, or their sum, which the program differentiates."""
    last = logits[:, -1]
    values = torch.stack([row[a] - row[w] for row, (a, w) in zip(last, labels)])
    return values.sum() if loss else values


def grouped(scores: dict, heads: int, shared: int) -> dict:
    """Returns scores by Vidrio's names; shared keys and values have the sum of their heads'."""
    result = {}
    for name, score in scores.items():
        parent, child = name.split("->")
        key = (source(parent), destination(child, heads // shared))
        result[key] = result.get(key, 0.0) + score
    return result


def source(name: str) -> str:
    if name == "input":
        return "embed"
    if name.startswith("m"):
        return f"L{name[1:]}.mlp"
    layer, head = name[1:].split(".h")
    return f"L{layer}.H{head}"


def destination(name: str, group: int) -> str:
    if name == "logits":
        return name
    if name.startswith("m"):
        return f"L{name[1:]}.mlp"
    head, letter = name.rstrip(">").split("<")
    layer, index = head[1:].split(".h")
    index = int(index) if letter == "q" else int(index) // group
    return f"L{layer}.{letter.upper()}{index}"


def data_set(model, directory: Path) -> tuple[Path, list]:
    """Returns a file of pairs, and each clean and corrupted text and its answers as token ids."""
    file = directory / "pairs.tsv"
    model.run("lens", "dataset", "ioi", "-n", str(PAIRS), "-o", str(file))
    fields = [line.split("\t") for line in file.read_text().splitlines()]
    texts = [text for clean, corrupted, *_ in fields for text in (clean, corrupted)]
    strings = directory / "strings.json"
    strings.write_text(json.dumps(texts + [token for row in fields for token in row[2:]]))
    ids = json.loads(model.run("tokenize", "--batch", str(strings)))
    answers = [tokens[-1] for tokens in ids[len(texts) :]]
    data = [
        (ids[2 * i], ids[2 * i + 1], (answers[2 * i], answers[2 * i + 1]))
        for i in range(len(fields))
    ]
    return file, data


def batches(data: list) -> list:
    """Returns pairs of equal length together."""
    by_length = {}
    for clean, corrupted, label in data:
        by_length.setdefault(len(clean), []).append((clean, corrupted, label))
    result = []
    for pairs in by_length.values():
        for i in range(0, len(pairs), 5):
            clean, corrupted, labels = zip(*pairs[i : i + 5])
            result.append((list(clean), list(corrupted), list(labels)))
    return result


def ranks(x: np.ndarray) -> np.ndarray:
    """Returns the ranks of values; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def check(model, program: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        pairs, data = data_set(model, Path(directory))
        return compare(model, load_program(program, tokenize), batches(data), pairs)


def compare(model, program, loader: list, pairs: Path) -> list[Row]:
    """Compares the scores of all methods, and the circuits of the last."""
    bridge = open_bridge(model)
    shape = {
        "n_layers": bridge.cfg.n_layers,
        "n_heads": bridge.cfg.n_heads,
        "parallel_attn_mlp": False,
        "d_model": bridge.cfg.d_model,
    }
    rows = []
    for ours_name, theirs_name in METHODS.items():
        options = ("--method", ours_name, "--steps", str(STEPS), "--rule", "eap_ig")
        ours = model.vidrio("lens", "edges", "--pairs", str(pairs), *options)
        scores = {(e["from"], e["to"]): e["score"] for e in ours["edges"]}
        graph = program.graph.Graph.from_model(shape)
        program.attribute.attribute(
            bridge, graph, loader, metric, theirs_name, ig_steps=STEPS, quiet=True
        )
        named = {edge.name: edge.score.item() for edge in graph.edges.values()}
        heads = {to for _, to in scores if to.startswith("L0.Q")}
        shared = {to for _, to in scores if to.startswith("L0.K")}
        theirs = grouped(named, len(heads), len(shared))
        rows += judge(ours_name, theirs_name, scores, theirs)
        if ours_name == "eap_ig_inputs":
            rows += circuits(model, program, bridge, graph, loader, pairs, len(shared))
    return rows


def judge(name: str, title: str, ours: dict, theirs: dict) -> list[Row]:
    """Compares the scores of edges."""
    if ours.keys() != theirs.keys():
        raise ValueError("the graphs have different edges")
    a = np.array([ours[key] for key in ours])
    b = np.array([theirs[key] for key in ours])
    top = [set(np.argsort(-abs(x), kind="stable")[:TOP]) for x in (a, b)]
    command = f"lens edges --method {name}"
    spearman = float(np.corrcoef(ranks(a), ranks(b))[0, 1])
    overlap = len(top[0] & top[1]) / TOP
    return [
        Row(title, command, "EAP-IG", f"relative error of {len(a)} edges", relative_error(a, b), 1e-2),
        Row(title, command, "EAP-IG", "rank correlation", spearman, 0.999, lower=True),
        Row(title, command, "EAP-IG", f"overlap of the {TOP} strongest", overlap, 0.98, lower=True),
    ]


def circuits(model, program, bridge, graph, loader: list, pairs: Path, shared: int) -> list[Row]:
    """Runs circuits of the program's graph in both."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "graph.json"
        graph.to_json(str(file))
        shares = ",".join(str(share) for share in SHARES)
        options = ("--pairs", str(pairs), "--scores", str(file), "--sizes", shares)
        ours = model.vidrio("lens", "curve", *options)
    difference = abs(ours["clean_logit_difference"] - ours["corrupted_logit_difference"])
    apart = []
    for point in ours["points"][: len(SHARES)]:
        keep(graph, point["units"], shared)
        values = program.evaluate.evaluate_graph(
            bridge, graph, loader, lambda *given: metric(*given, loss=False), quiet=True
        )
        apart.append(abs(values.mean().item() - point["logit_difference"]) / difference)
    measure = f"maximum difference of {len(apart)} circuits, by that of clean and corrupted"
    return [Row("circuits", "lens curve --scores", "EAP-IG", measure, max(apart), 1e-3)]


def keep(graph, count: int, shared: int) -> None:
    """Keeps the strongest edges, where heads that share keys or values keep them together."""
    heads = graph.cfg["n_heads"]
    group = heads // shared
    named = {edge.name: edge.score.item() for edge in graph.edges.values()}
    sums = grouped(named, heads, shared)
    kept = set(sorted(sums, key=lambda key: -abs(sums[key]))[:count])
    graph.reset()
    for edge in graph.edges.values():
        parent, child = edge.name.split("->")
        edge.in_graph = (source(parent), destination(child, group)) in kept
    for node in graph.nodes.values():
        if node.name != "logits":
            node.in_graph = True
    graph.prune()
