"""Compares scores of edges and circuits with EAP-IG, the program of the method's authors.

    python compare_circuits.py MODEL-F32.gguf --program EAP-IG --pairs ioi.tsv

The program is a checkout of https://github.com/hannamw/EAP-IG. It runs on TransformerLens, on the
CPU, with the token ids that Vidrio gives. Heads of grouped attention get keys and values of their
own there, as the program requires; the scores of heads that share a key-value head are added up.
Weights of another type than F32 round activations to 8 bits.

Scores the edges of the pairs (a file as of `vidrio lens edges --pairs`) by EAP, EAP-IG over inputs
with the program's rule of steps, clean-corrupted and information flow routes, on the mean of the
logit differences. Runs the circuits of the program's scores in both. Prints Spearman's rank
correlation, the overlap of the 200 strongest edges and the relative error of the scores, and the
difference of the metric of circuits; fails if these fall short of the bars below.

Needs torch, transformers, gguf, transformer-lens 4, einops and tqdm.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
import torch
import transformer_lens
import vidrio
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoModelForCausalLM, AutoTokenizer

SPEARMAN = 0.999
OVERLAP = 0.98  # of the 200 strongest edges
CIRCUIT = 1e-3  # of the difference between clean and corrupted metric
TOP = 200
SHARES = [0.001, 0.01, 0.1, 0.5]
# Vidrio's name of each method, the program's, and the part of the scores that are compared.
METHODS = {
    "eap": "EAP",
    "eap_ig_inputs": "EAP-IG-inputs",
    "clean_corrupted": "clean-corrupted",
    "information_flow_routes": "information-flow-routes",
}


def open_bridge(path: str) -> TransformerBridge:
    """Opens a GGUF file, dequantized and with ungrouped heads, in TransformerLens."""
    directory, name = Path(path).parent, Path(path).name
    model = AutoModelForCausalLM.from_pretrained(
        directory, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=name)
    ungroup(model)
    with tempfile.TemporaryDirectory() as config:
        model.config.save_pretrained(config)
        tokenizer.save_pretrained(config)
        bridge = TransformerBridge.boot_transformers(
            config, hf_model=model, tokenizer=tokenizer, dtype=torch.float32, device="cpu"
        )
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


def check(name: str, value: float, bar: float, above: bool = True) -> bool:
    fine = value >= bar if above else value <= bar
    print(f"  {name}: {value:.6g} ({'at least' if above else 'at most'} {bar}"
          f"{'' if fine else ': FALLS SHORT'})")
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares circuits with EAP-IG.")
    parser.add_argument("model", help="GGUF file, F32")
    parser.add_argument("--program", required=True, help="checkout of hannamw/EAP-IG")
    parser.add_argument("--pairs", required=True, help="TSV: clean, corrupted, answer, wrong")
    parser.add_argument("--count", type=int, default=10, help="pairs to use (default 10)")
    parser.add_argument("--steps", type=int, default=5)
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    try:
        fine = compare(arguments)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    sys.exit(0 if fine else 1)


def compare(arguments) -> bool:
    lines = Path(arguments.pairs).read_text().splitlines()[: arguments.count]
    fields = [line.split("\t") for line in lines]
    texts = [text for clean, corrupted, *_ in fields for text in (clean, corrupted)]
    with tempfile.TemporaryDirectory() as directory:
        strings = Path(directory) / "strings.json"
        strings.write_text(json.dumps(texts + [token for row in fields for token in row[2:]]))
        plain = argparse.Namespace(vidrio=arguments.vidrio, threads=None)
        ids = json.loads(
            vidrio.run(plain, "tokenize", "-m", arguments.model, "--batch", str(strings))
        )
        few = Path(directory) / "pairs.tsv"
        few.write_text("\n".join(lines) + "\n")
        answers = ids[len(texts):]
        data = []
        for i in range(len(fields)):
            data.append((ids[2 * i], ids[2 * i + 1], (answers[2 * i][-1], answers[2 * i + 1][-1])))
        return compare_on(arguments, data, few, Path(directory))


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


def compare_on(arguments, data: list, pairs: Path, directory: Path) -> bool:
    program = load_program(arguments.program, tokenize)
    bridge = open_bridge(arguments.model)
    loader = batches(data)
    shape = {
        "n_layers": bridge.cfg.n_layers,
        "n_heads": bridge.cfg.n_heads,
        "parallel_attn_mlp": False,
        "d_model": bridge.cfg.d_model,
    }
    fine = True
    for ours_name, theirs_name in METHODS.items():
        command = ("lens", "edges", "-m", arguments.model, "--pairs", str(pairs), "--json")
        options = ("--method", ours_name, "--steps", str(arguments.steps), "--rule", "eap_ig")
        start = time.monotonic()
        ours = json.loads(vidrio.run(arguments, *command, *options))
        our_seconds = time.monotonic() - start
        scores = {(e["from"], e["to"]): e["score"] for e in ours["edges"]}
        graph = program.graph.Graph.from_model(shape)
        start = time.monotonic()
        program.attribute.attribute(
            bridge, graph, loader, metric, theirs_name, ig_steps=arguments.steps, quiet=True
        )
        their_seconds = time.monotonic() - start
        named = {edge.name: edge.score.item() for edge in graph.edges.values()}
        heads = {to for _, to in scores if to.startswith("L0.Q")}
        shared = {to for _, to in scores if to.startswith("L0.K")}
        theirs = grouped(named, len(heads), len(shared))
        routes = ours_name == "information_flow_routes"
        if routes:  # every head that shares keys has the same share
            theirs = {
                key: score / (len(heads) // len(shared) if key[1].split(".")[-1][0] in "KV" else 1)
                for key, score in theirs.items()
            }
        print(f"{ours_name}: {len(scores)} edges, {len(data)} pairs; vidrio {our_seconds:.1f} s"
              f" with start, EAP-IG {their_seconds:.1f} s")
        fine &= judge(scores, theirs)
        if ours_name == "eap_ig_inputs":
            fine &= circuits(arguments, program, bridge, graph, loader, pairs, directory, len(shared))
    return fine


def ranks(x: np.ndarray) -> np.ndarray:
    """Returns the ranks of values; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def judge(ours: dict, theirs: dict) -> bool:
    if ours.keys() != theirs.keys():
        raise ValueError("the graphs have different edges")
    a = np.array([ours[key] for key in ours])
    b = np.array([theirs[key] for key in ours])
    top = [set(np.argsort(-abs(x), kind="stable")[:TOP]) for x in (a, b)]
    error = np.linalg.norm(a - b) / np.linalg.norm(b)
    print(f"  relative error: {error:.3g}, largest difference: {abs(a - b).max():.3g}")
    fine = check("Spearman", np.corrcoef(ranks(a), ranks(b))[0, 1], SPEARMAN)
    return check(f"overlap of the top {TOP}", len(top[0] & top[1]) / TOP, OVERLAP) and fine


def circuits(
    arguments, program, bridge, graph, loader, pairs: Path, directory: Path, shared: int
) -> bool:
    """Runs circuits of the program's graph in both."""
    file = directory / "graph.json"
    graph.to_json(str(file))
    command = ("lens", "curve", "-m", arguments.model, "--pairs", str(pairs), "--json")
    shares = ",".join(str(share) for share in SHARES)
    ours = json.loads(
        vidrio.run(arguments, *command, "--scores", str(file), "--sizes", shares)
    )
    judged = lambda *args: metric(*args, loss=False)
    difference = ours["clean_logit_difference"] - ours["corrupted_logit_difference"]
    fine = True
    for share, point in zip(SHARES, ours["points"]):
        keep(graph, point["units"], shared)
        values = program.evaluate.evaluate_graph(bridge, graph, loader, judged, quiet=True)
        theirs = values.mean().item()
        apart = abs(theirs - point["logit_difference"]) / abs(difference)
        print(f"  circuit of {share:g}: EAP-IG {theirs:.4f}, vidrio {point['logit_difference']:.4f}")
        fine &= check("relative difference", apart, CIRCUIT, above=False)
    return fine


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


if __name__ == "__main__":
    main()
