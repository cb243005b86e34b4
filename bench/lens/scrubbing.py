"""Causal scrubbing against its recursion on TransformerLens.

The authors' program, rust_circuit, needs the model as a circuit in a language of its own. Here the
recursion of their paper is written down instead: each component of a claim is computed by a run of
the model in which it alone reads other residual streams. Texts are those that Vidrio has drawn.
Heads of grouped attention get keys and values of their own, as for EAP-IG.
"""

import fnmatch
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from circuits import open_bridge
from row import Row, program

TEXTS = 10
# Heads and feed-forward blocks between the year and the logits; not a good hypothesis, but one that
# has claims of all kinds.
HYPOTHESIS = {
    "logits": ["late", "heads"],
    "claims": {
        "late": {
            "components": ["L2*.mlp"],
            "positions": [-1],
            "depends_on": ["decade"],
            "inputs": ["heads", "early"],
        },
        "heads": {
            "components": ["L15.H*", "L17.H4", "L20.H0"],
            "positions": [-1],
            "depends_on": ["decade"],
            "inputs": {"v": ["early"], "k": ["early", "nouns"]},
        },
        "early": {"components": ["embed", "L0.*"], "depends_on": ["decade", "century"]},
        "nouns": {
            "components": ["L3.mlp", "L4.mlp"],
            "positions": [1, 2],
            "depends_on": ["noun"],
            "inputs": ["early"],
        },
    },
}


def check(model) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "pairs.jsonl"
        file = Path(directory) / "hypothesis.json"
        file.write_text(json.dumps(HYPOTHESIS))
        model.run("lens", "dataset", "greater-than", "-n", str(TEXTS), "-o", str(data))
        options = ("--pairs", str(data), "--hypothesis", str(file), "--runs", "1")
        ours = model.vidrio("lens", "scrub", *options)
        texts = token_ids(model, data, Path(directory))
    found = ours["hypotheses"][0]
    recursion = Recursion(open_bridge(model), texts)
    with torch.no_grad():
        recursion.run_texts()
        own = [recursion.metric(recursion.logits[i], i) for i in range(TEXTS)]
        theirs = [recursion.scrub(i, found) for i in range(TEXTS)]
        others = [
            np.mean([recursion.metric(logits, i) for logits in recursion.logits])
            for i in range(TEXTS)
        ]
    difference = abs(np.mean(own) - np.mean(others))
    recovered = (np.mean(theirs) - np.mean(others)) / (np.mean(own) - np.mean(others))
    apart = float(np.abs(np.array(theirs) - found["runs"][0]["values"]).max() / difference)
    versus = program("transformer-lens", "TransformerLens")
    measure = f"maximum difference of {TEXTS} scrubbed metrics, by that of model and random texts"
    share = f"difference of the recovered share, here {recovered:.3f}"
    return [
        Row("causal scrubbing", "lens scrub", versus, measure, apart, 1e-3),
        Row("causal scrubbing", "lens scrub", versus, share, abs(recovered - found["recovered"]), 1e-3),
    ]


def token_ids(model, data: Path, directory: Path) -> list[tuple]:
    """Returns the token ids of each text, of its answers and of its wrong answers."""
    lines = [json.loads(line) for line in data.read_text().splitlines()]
    strings = directory / "strings.json"

    def ids(texts: list[str]) -> list[list[int]]:
        strings.write_text(json.dumps(texts))
        return json.loads(model.run("tokenize", "--batch", str(strings)))

    def last(texts: list[str] | str) -> list[int]:
        return [tokens[-1] for tokens in ids([texts] if isinstance(texts, str) else texts)]

    texts = ids([line["clean"] for line in lines])
    return [(text, last(line["answer"]), last(line["wrong"])) for text, line in zip(texts, lines)]


class Recursion:
    """Computes a scrubbed text from the outputs of components, each [n, d]."""

    def __init__(self, bridge, texts: list[tuple]):
        self.bridge, self.texts = bridge, texts
        self.layers, self.heads = bridge.cfg.n_layers, bridge.cfg.n_heads
        # Components in the order of a forward pass.
        self.sources = ["embed"]
        for layer in range(self.layers):
            self.sources += [f"L{layer}.H{head}" for head in range(self.heads)] + [f"L{layer}.mlp"]
        self.streams, self.outputs, self.logits = [], [], []

    def metric(self, logits: torch.Tensor, text: int) -> float:
        """Returns the mean logit of the answers minus that of the wrong answers."""
        _, answers, wrong = self.texts[text]
        return float(logits[answers].mean() - logits[wrong].mean())

    def run_texts(self) -> None:
        """Keeps residual streams, outputs and logits of each text."""
        for tokens, *_ in self.texts:
            logits, cache = self.bridge.run_with_cache(torch.tensor([tokens]))
            outputs = {"embed": cache["blocks.0.hook_resid_pre"][0]}
            for layer in range(self.layers):
                results = cache[f"blocks.{layer}.attn.hook_result"][0]
                outputs |= {f"L{layer}.H{head}": results[:, head] for head in range(self.heads)}
                outputs[f"L{layer}.mlp"] = cache[f"blocks.{layer}.hook_mlp_out"][0]
            names = ["hook_resid_pre", "hook_resid_mid"]
            self.streams.append(
                {
                    (layer, name): cache[f"blocks.{layer}.{name}"][0]
                    for layer in range(self.layers)
                    for name in names
                }
                | {"end": cache[f"blocks.{self.layers - 1}.hook_resid_post"][0]}
            )
            self.outputs.append(outputs)
            self.logits.append(logits[0, -1])

    def scrub(self, text: int, found: dict) -> float:
        """Returns the metric of a text, with the texts that were drawn for it."""
        self.drawn = zip(*(found["runs"][0][name][text] for name in ("agreeing", "unclaimed")))
        _, random = next(self.drawn)
        read = {name: self.claim(name) for name in HYPOTHESIS["logits"]}
        stream = self.input("end", len(self.sources), random, read)
        point = f"blocks.{self.layers - 1}.hook_resid_post"
        logits = self.run({point: lambda value, hook: stream[None]})
        return self.metric(logits[0, -1], text)

    def run(self, hooks: dict) -> torch.Tensor:
        tokens = torch.tensor([self.texts[0][0]])
        return self.bridge.run_with_hooks(tokens, fwd_hooks=list(hooks.items()))

    def claim(self, name: str) -> dict[str, torch.Tensor]:
        """Returns the outputs of a claim's components."""
        claim = HYPOTHESIS["claims"][name]
        own, random = next(self.drawn)
        members = [
            source
            for source in self.sources
            if any(fnmatch.fnmatchcase(source, pattern) for pattern in claim["components"])
        ]
        inputs = claim.get("inputs")
        if inputs is None:
            return {member: self.outputs[own][member] for member in members}
        by_input = inputs if isinstance(inputs, dict) else {key: inputs for key in ("q", "k", "v", "mlp")}
        order = [one for key in ("q", "k", "v", "mlp") for one in by_input.get(key, [])]
        read = {one: self.claim(one) for one in dict.fromkeys(order)}
        return {member: self.component(member, random, read, by_input) for member in members}

    def component(self, name: str, random: int, read: dict, by_input: dict) -> torch.Tensor:
        """Returns the output of a component that reads other residual streams."""
        layer, part = name[1:].split(".")
        layer = int(layer)
        found = {}

        def chosen(key: str) -> dict:
            return {one: read[one] for one in by_input.get(key, [])}

        def keep(value, hook):
            found["output"] = value[0].clone()

        if part == "mlp":
            before = self.sources.index(name)
            stream = self.input((layer, "hook_resid_mid"), before, random, chosen("mlp"))
            self.run(
                {
                    f"blocks.{layer}.hook_mlp_in": lambda value, hook: stream[None],
                    f"blocks.{layer}.hook_mlp_out": keep,
                }
            )
            return found["output"]
        head = int(part[1:])
        before = self.sources.index(f"L{layer}.H0")
        hooks = {f"blocks.{layer}.attn.hook_result": keep}
        for key in ("q", "k", "v"):
            stream = self.input((layer, "hook_resid_pre"), before, random, chosen(key))
            hooks[f"blocks.{layer}.hook_{key}_input"] = self.only(head, stream)
        self.run(hooks)
        return found["output"][:, head]

    @staticmethod
    def only(head: int, stream: torch.Tensor):
        """Returns a hook that gives one head another input."""

        def replace(value, hook):
            value = value.clone()
            value[0, :, head] = stream
            return value

        return replace

    def input(self, place, before: int, random: int, read: dict) -> torch.Tensor:
        """Returns a random text's stream with the outputs of claims instead of its own."""
        stream = self.streams[random][place].clone()
        earlier = set(self.sources[:before])
        for name, outputs in read.items():
            positions = HYPOTHESIS["claims"][name].get("positions") or list(range(len(stream)))
            for source, output in outputs.items():
                if source in earlier:
                    stream[positions] += (output - self.outputs[random][source])[positions]
        return stream
