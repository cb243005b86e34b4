"""Gates on edges and optimal constants against their formulas in PyTorch, on the embedded model.

The programs of the methods' authors have modified copies of GPT-2 and Code Llama, so that the gated
model is written again here, with gradients by autograd: every query, key and value of a head, and
every feed-forward block, reads its own sum of gated outputs. Gates are given: the gradients that
training follows must agree. The constants of optimal ablation are trained anew by Adam of PyTorch,
over the same batches.
"""

import json
import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from circuits import destination, source
from models import BARD, Model
from row import Row, error, program
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

# Clean and corrupted texts of equal length; the metric of their answers has no influence.
TEXTS = [
    ("ROMEO: My love, my", "ROMEO: My hate, my"),
    ("The king and the", "The queen and the"),
    ("JULIET: My lord, the", "JULIET: My king, the"),
    ("To be, or not to", "To go, or not to"),
    ("Good night, my", "Good day, my"),
    ("I love thee, my", "I hate thee, my"),
    ("My heart is", "My hand is"),
]
ANSWERS = "\t love\t hate"
# The shares of the edges of circuits with optimal constants, each in a run of its own.
SHARES = [0.1, 0.3]
# Rows and pairs of a batch, steps, and the rate relative to the size of an output.
ROWS, PAIRS, STEPS, RATE = 96, 32, 40, 0.05


class Gated:
    """A model of the architecture llama with a gate on each edge."""

    def __init__(self, llm):
        self.llm = llm.requires_grad_(False)
        config = llm.config
        self.heads, self.shared = config.num_attention_heads, config.num_key_value_heads
        self.layers, self.d = config.num_hidden_layers, config.hidden_size
        self.width = self.d // self.heads
        # Names in the order in which components write.
        self.sources = ["embed"]
        for i in range(self.layers):
            self.sources += [f"L{i}.H{h}" for h in range(self.heads)] + [f"L{i}.mlp"]

    def destinations(self) -> dict[str, int]:
        """Returns the number of sources before each destination."""
        found = {}
        for i in range(self.layers):
            before = 1 + i * (self.heads + 1)
            counts = {"Q": self.heads, "K": self.shared, "V": self.shared}
            found |= {f"L{i}.{x}{h}": before for x, n in counts.items() for h in range(n)}
            found[f"L{i}.mlp"] = before + self.heads
        return found | {"logits": len(self.sources)}

    def constant(self, value: float) -> dict[str, torch.Tensor]:
        """Returns equal gates of all edges."""
        return {name: torch.full((n,), float(value)) for name, n in self.destinations().items()}

    def run(self, ids: list[int], gates, ablated) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the last logits and the outputs of all sources, [S, n, d].

        ablated has what closed edges carry, [S, n, d] or [S, 1, d].
        """
        model = self.llm.model
        written = [model.embed_tokens(torch.tensor(ids))]
        n = len(ids)
        positions = torch.arange(n)[None]
        turn = model.rotary_emb(written[0][None], positions)
        mask = torch.full((n, n), -torch.inf).triu(1)

        def read(names: list[str]) -> torch.Tensor:
            now = torch.stack(written)
            closed = ablated[: len(written)].expand_as(now)
            z = torch.stack([gates[name] for name in names])
            return closed.sum(0) + torch.einsum("bs,snd->bnd", z, now - closed)

        for i, block in enumerate(model.layers):
            attention, products = block.self_attn, {}
            for x, module in (("Q", "q_proj"), ("K", "k_proj"), ("V", "v_proj")):
                count = self.heads if x == "Q" else self.shared
                rows = block.input_layernorm(read([f"L{i}.{x}{h}" for h in range(count)]))
                weight = getattr(attention, module).weight.view(count, self.width, self.d)
                products[x] = torch.einsum("hnd,hwd->hnw", rows, weight)[None]
            q, k = apply_rotary_pos_emb(products["Q"], products["K"], *turn)
            group = self.heads // self.shared
            k, v = (x.repeat_interleave(group, 1) for x in (k, products["V"]))
            scores = q @ k.transpose(2, 3) / self.width**0.5 + mask
            z = (scores.softmax(-1) @ v)[0]
            output = attention.o_proj.weight.view(self.d, self.heads, self.width)
            heads = torch.einsum("hnw,dhw->hnd", z, output)
            written += list(heads)
            written.append(block.mlp(block.post_attention_layernorm(read([f"L{i}.mlp"])))[0])
        logits = self.llm.lm_head(model.norm(read(["logits"])[0, -1]))
        return logits, torch.stack(written)

    def outputs(self, ids: list[int]) -> torch.Tensor:
        """Returns the outputs of the whole model."""
        closed = torch.zeros(len(self.sources), 1, self.d)
        return self.run(ids, self.constant(1), closed)[1]

    @cache
    def expected(self, ids: tuple[int, ...]) -> torch.Tensor:
        """Returns the logarithms of the model's probabilities of the next token."""
        with torch.no_grad():
            return self.llm(torch.tensor([ids])).logits[0, -1].log_softmax(-1)

    def divergence(self, ids: list[int], gates, ablated) -> torch.Tensor:
        """Returns KL(model ‖ gated model) of the next token."""
        p = self.expected(tuple(ids))
        q = self.run(ids, gates, ablated)[0].log_softmax(-1)
        return (p.exp() * (p - q)).sum()


def data_set(model) -> tuple[str, list]:
    """Returns a file of pairs, and the token ids of each clean and corrupted text."""
    file = model.file("".join("\t".join(pair) + ANSWERS + "\n" for pair in TEXTS))
    return file, [tuple(map(model.tokenizer.encode, pair)) for pair in TEXTS]


def drawn(names: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Returns gates of edges: some closed, some open, others uniform, as in training."""
    u = np.random.default_rng(0).uniform(-0.5, 1.5, len(names)).clip(0, 1)
    return {name: float(value) for name, value in zip(names, u)}


def write(template: dict, gates: dict, gated: Gated, path: Path) -> str:
    """Writes a graph file with gates as scores; heads share an edge in equal parts."""
    group = gated.heads // gated.shared
    for name, edge in template["edges"].items():
        parent, child = name.split("->")
        to = destination(child, group)
        edge["score"] = gates[source(parent), to] / (group if ".K" in to or ".V" in to else 1)
    path.write_text(json.dumps(template))
    return str(path)


def by_destination(gated: Gated, gates: dict) -> dict[str, torch.Tensor]:
    return {
        to: torch.tensor([gates[name, to] for name in gated.sources[:n]], requires_grad=True)
        for to, n in gated.destinations().items()
    }


def connected(gated: Gated, kept: set) -> set:
    """Returns the edges on a path from the embedding to the logits."""

    def written(to: str) -> list[str]:
        if to[-4:] == ".mlp" or to == "logits":
            return [to]
        layer, index = to.split(".")
        group = gated.heads // (gated.heads if index[0] == "Q" else gated.shared)
        return [f"{layer}.H{int(index[1:]) * group + h}" for h in range(group)]

    order = [(a, b) for b, n in gated.destinations().items() for a in gated.sources[:n]]
    fed, forward = {"embed"}, []
    for edge in order:
        if edge in kept and edge[0] in fed:
            forward.append(edge)
            fed |= set(written(edge[1]))
    read, found = {"logits"}, set()
    for edge in reversed(forward):
        if read & set(written(edge[1])):
            found.add(edge)
            read.add(edge[0])
    return found


def batches(texts: list) -> list[list]:
    """Returns the texts in the batches of training."""
    found, rows = [[]], 0
    for text in texts:
        if found[-1] and (rows + len(text) > ROWS or len(found[-1]) == PAIRS):
            found.append([])
            rows = 0
        found[-1].append(text)
        rows += len(text)
    return found


class Optimal:
    """Trained constants of circuits, one after the other."""

    def __init__(self, gated: Gated, texts: list, means: torch.Tensor):
        self.gated, self.batches, self.means = gated, batches(texts), means
        first = torch.cat([gated.outputs(text) for text in self.batches[0]], 1)
        self.sizes = first.square().mean((1, 2)).sqrt()
        self.last = None

    def loss(self, texts: list, gates, constants: torch.Tensor) -> torch.Tensor:
        return torch.stack(
            [self.gated.divergence(text, gates, constants[:, None]) for text in texts]
        ).mean()

    def train(self, gates) -> torch.Tensor:
        """Returns the constants of a circuit, which begin at the means or at the last ones."""
        first = partial(self.loss, self.batches[0], gates)
        starts = [self.means] if self.last is None else [self.means, self.last]
        start = min(starts, key=lambda constants: first(constants).item())
        rows = [row.clone().requires_grad_() for row in start]
        groups = [{"params": row, "lr": RATE * float(s)} for row, s in zip(rows, self.sizes)]
        optimizer = torch.optim.Adam(groups)
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / STEPS)
        for step in range(STEPS):
            optimizer.zero_grad()
            self.loss(self.batches[step % len(self.batches)], gates, torch.stack(rows)).backward()
            optimizer.step()
            rates.step()
        trained = torch.stack(rows).detach()
        self.last = min([trained, start], key=lambda constants: first(constants).item())
        return self.last


def gradients(model, gated: Gated, pairs: str, data: list, means, directory: Path) -> list[Row]:
    """Compares divergences and their gradients at given gates."""
    file = directory / "graph.json"
    listed = model.vidrio(
        "lens", "edges", "--pairs", pairs, "--method", "eap", "--graph", str(file)
    )
    names = [(edge["from"], edge["to"]) for edge in listed["edges"]]
    order = [(a, b) for b, n in gated.destinations().items() for a in gated.sources[:n]]
    if set(names) != set(order):
        raise ValueError("the graphs have different edges")
    chosen = drawn(names)
    given = write(json.loads(file.read_text()), chosen, gated, directory / "gates.json")
    losses, slopes = [], []
    for ablation in ("patch", "mean", "zero"):
        ours = model.vidrio(
            "lens", "edges", "--pairs", pairs, "--gates", given, "--ablation", ablation
        )
        gates = by_destination(gated, chosen)
        total = 0
        for clean, corrupted in data:
            closed = means[:, None] * (ablation == "mean")
            ablated = gated.outputs(corrupted) if ablation == "patch" else closed
            total = total + gated.divergence(clean, gates, ablated) / len(data)
        total.backward()
        theirs = {
            (name, to): float(slope)
            for to, z in gates.items()
            for name, slope in zip(gated.sources, z.grad)
        }
        losses.append(abs(ours["kl_divergence"] - total.item()) / total.item())
        found = [edge["score"] for edge in ours["edges"]]
        slopes.append(error(found, [theirs[name] for name in names]))
    row = partial(Row, command="lens edges --gates", program=program("torch"), bar=1e-3)
    three = "maximum of patch, mean and zero ablation"
    return [
        row(
            "gated edges, divergence",
            measure=f"relative error at given gates, {three}",
            value=max(losses),
        ),
        row(
            "gated edges, gradient",
            measure=f"relative error of {len(names)} gates, {three}",
            value=max(slopes),
        ),
    ]


def constants(model, gated: Gated, pairs: str, data: list, means, directory: Path) -> list[Row]:
    """Compares the divergences of circuits with trained constants."""
    file = directory / "scores.json"
    scored = model.vidrio(
        "lens", "edges", "--pairs", pairs, "--method", "eap", "--graph", str(file)
    )
    texts = [clean for clean, _ in data]
    apart, shown = [], []
    for share in SHARES:
        options = ("--scores", str(file), "--sizes", str(share), "--metric", "kl")
        ours = model.vidrio(
            "lens", "curve", "--pairs", pairs, *options, "--ablation", "optimal"
        )
        point = ours["points"][0]
        edges = sorted(scored["edges"], key=lambda edge: -abs(edge["score"]))
        kept = {(edge["from"], edge["to"]) for edge in edges[: point["units"]]}
        kept = connected(gated, kept)
        if len(kept) != point["edges"]:
            raise ValueError(f"{len(kept)} edges against {point['edges']}")
        gates = {
            to: torch.tensor([float((name, to) in kept) for name in gated.sources[:n]])
            for to, n in gated.destinations().items()
        }
        trained = Optimal(gated, texts, means)
        values = ours["empty_circuit"], point["kl_divergence"]
        for circuit, value in zip((gated.constant(0), gates), values):
            found = trained.train(circuit)
            with torch.no_grad():
                theirs = trained.loss(texts, circuit, found).item()
            apart.append(abs(value - theirs) / theirs)
            shown.append((value, theirs))
    listed = ", ".join(f"{a:.4f} and {b:.4f}" for a, b in shown[:1] + shown[1::2])
    return [
        Row(
            "optimal ablation",
            "lens curve --ablation optimal",
            program("torch"),
            f"relative difference of the divergence of {1 + len(SHARES)} circuits, one empty,"
            f" in nats {listed}",
            max(apart),
            0.02,
        )
    ]


def check(model) -> list[Row]:
    model = Model(BARD, model.arguments)
    gated = Gated(model.transformers())
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        pairs, data = data_set(model)
        outputs = torch.cat([gated.outputs(clean) for clean, _ in data], 1)
        shared = gated, pairs, data, outputs.mean(1), directory
        return gradients(model, *shared) + constants(model, *shared)
