"""ROME and MEMIT against their formulas in PyTorch.

The authors' programs know neither a ridge nor the averages over prefixes of `lens rewrite`, so that
the methods are written again here from the papers, with gradients by autograd and the updates by
their normal equations. Keys, covariances, values and updates are all computed anew; the values are
also recovered from the adapter, as what it adds to the product for its own key.
"""

import re
import tempfile
from functools import partial
from pathlib import Path

import gguf
import numpy as np
import torch
from page import PAGES
from row import Row, error, program

# Arguments of lens rewrite.
LAYER, LAYERS, PREFIXES, STEPS = 4, 3, 2, 5
RATE, ENOUGH, DIVERGENCE, DECAY, CLAMP, WEIGHT, RIDGE = 0.5, 0.6, 0.0625, 0.5, 1.2, 0.9, 0.01
# Lines of the file of facts, of the text, and the tokens of a chunk and of a prefix.
FACTS, LINES, LENGTH, PREFIX = 2, 12, 128, 8
ESSENCE = "{} is a"


class Rewriting:
    """The facts to be rewritten in a model of transformers."""

    def __init__(self, model, facts: list[list[str]], text: str):
        self.tokenizer = model.tokenizer
        self.llm = model.transformers().requires_grad_(False)
        self.facts = facts
        tokens = self.tokenizer.encode(text)
        self.begin = self.tokenizer.encode("")
        ids = tokens[len(self.begin) :]
        step = LENGTH - len(self.begin)
        self.chunks = [self.begin + ids[i : i + step] for i in range(0, len(ids), step)]
        self.chunks = [chunk for chunk in self.chunks if len(chunk) > 1]
        starts = [i * (len(tokens) - PREFIX) // PREFIXES for i in range(1, PREFIXES)]
        parts = [self.tokenizer.decode(tokens[i : i + PREFIX]).strip() for i in starts]
        self.prefixes = ["", *(part + ". " for part in parts)]

    def down(self, layer: int):
        return self.llm.model.layers[layer].mlp.down_proj

    def prompt(self, fact: list[str], template: str) -> tuple[list[int], int, int]:
        """Returns the tokens of a prompt, the subject's last position, and the target's token."""
        subject, _, _, target = fact[:4]
        text = template.replace("{}", subject)
        end = template.index("{}") + len(subject)
        encoded = self.tokenizer(text, return_offsets_mapping=True)
        last = max(i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > a)
        answer = self.tokenizer.encode(" " + target, add_special_tokens=False)[0]
        return encoded["input_ids"], last, answer

    def prompts(self, fact: list[str]) -> list[tuple[list[int], int, int]]:
        return [self.prompt(fact, prefix + fact[1]) for prefix in self.prefixes]

    def run(self, ids: list[int], module, change=None):
        """Returns the inputs and outputs of a module, [n, width], and the last logits.

        change maps its output to the one that the model continues with.
        """
        seen = {}

        def hook(_, inputs, output):
            stream = output[0] if isinstance(output, tuple) else output
            seen["in"], seen["out"] = inputs[0][0], stream[0]
            if change is None:
                return None
            return (change(stream), *output[1:]) if isinstance(output, tuple) else change(stream)

        handle = module.register_forward_hook(hook)
        logits = self.llm(torch.tensor([ids])).logits[0, -1]
        handle.remove()
        return seen["in"], seen["out"], logits

    def mean(self, fact: list[str], module, which: str) -> torch.Tensor:
        """Returns the mean input or output of a module at the subject over the prefixes."""
        runs = [(self.run(ids, module), last) for ids, last, _ in self.prompts(fact)]
        return torch.stack([run[which == "out"][last] for run, last in runs]).mean(0)

    def covariances(self, layers: range) -> list[torch.Tensor]:
        """Returns E[k kᵀ] of layers with the ridge, in double precision."""
        sums = [0] * len(layers)
        hooks = []
        for i, layer in enumerate(layers):

            def add(_, inputs, i=i):
                keys = inputs[0][0, 1:].double()
                sums[i] = sums[i] + keys.T @ keys

            hooks.append(self.down(layer).register_forward_pre_hook(add))
        for chunk in self.chunks:
            self.llm.model(torch.tensor([chunk]))
        for hook in hooks:
            hook.remove()
        count = sum(len(chunk) - 1 for chunk in self.chunks)
        means = [products / count for products in sums]
        return [c + RIDGE * c.diagonal().mean() * torch.eye(len(c)) for c in means]

    def value(self, fact: list[str], module) -> torch.Tensor:
        """Returns the change δ of a module's output at the subject."""
        prompts = self.prompts(fact)
        essence = self.prompt(fact, ESSENCE)
        before = self.run(essence[0], module)[2].log_softmax(-1)
        size = self.mean(fact, module, "out").norm()
        delta = torch.zeros_like(self.mean(fact, module, "out"), requires_grad=True)
        optimizer = torch.optim.Adam([delta], lr=float(RATE * size / len(delta) ** 0.5))

        def logits(ids, last):
            at = torch.zeros(1, len(ids), 1)
            at[0, last] = 1
            return self.run(ids, module, lambda output: output + at * delta)[2].log_softmax(-1)

        for _ in range(STEPS):
            likely = [logits(ids, last)[answer] for ids, last, answer in prompts]
            likely = torch.stack(likely).mean()
            if likely.exp() >= ENOUGH:
                break
            kl = (before.exp() * (before - logits(*essence[:2]))).sum()
            loss = -likely + DIVERGENCE * kl + DECAY * delta.square().sum() / size**2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                delta *= torch.clamp(CLAMP * size / delta.norm(), max=1)
        return delta.detach()

    def rome(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the values, [d, r], and the update of the layer, which solves ΔK = R."""
        module = self.down(LAYER)
        keys = torch.stack([self.mean(fact, module, "in") for fact in self.facts], 1).double()
        values = torch.stack([self.value(fact, module) for fact in self.facts], 1).double()
        solved = torch.linalg.solve(self.covariances(range(LAYER, LAYER + 1))[0], keys)
        return values, values @ torch.linalg.solve(keys.T @ solved, solved.T)

    def memit(self) -> list[torch.Tensor]:
        """Returns the updates of the layers."""
        end = self.llm.model.layers[LAYER]
        wanted = [self.mean(fact, end, "out") + self.value(fact, end) for fact in self.facts]
        layers = range(LAYER - LAYERS + 1, LAYER + 1)
        updates = []
        for layer, covariance in zip(layers, self.covariances(layers)):
            module = self.down(layer)
            keys = torch.stack([self.mean(fact, module, "in") for fact in self.facts], 1).double()
            now = [self.mean(fact, end, "out") for fact in self.facts]
            missing = [value - mean for value, mean in zip(wanted, now)]
            missing = torch.stack(missing, 1).double() / (LAYER - layer + 1)
            normal = WEIGHT * len(keys) * covariance + keys @ keys.T
            updates.append(torch.linalg.solve(normal, keys @ missing.T).T)
            module.weight += updates[-1].float()
        return updates


def adapter(path: str) -> dict[int, torch.Tensor]:
    """Returns the update of each layer in a file of adapters with strength 1."""
    tensors = {tensor.name: torch.tensor(tensor.data) for tensor in gguf.GGUFReader(path).tensors}
    layers = {int(re.search(r"\d+", name)[0]) for name in tensors}
    name = "blk.{}.ffn_down.weight.lora_{}".format
    return {i: tensors[name(i, "b")].double() @ tensors[name(i, "a")].double() for i in layers}


def rewrite(model, facts: str, text: str, method: str) -> dict[int, torch.Tensor]:
    """Returns the updates that lens rewrite writes."""
    with tempfile.TemporaryDirectory() as directory:
        output = str(Path(directory) / "rewritten.gguf")
        options = ("-f", facts, "--text", text, "--method", method, "--together", "-o", output)
        options += ("--layer", str(LAYER), "--layers", str(LAYERS), "--prefixes", str(PREFIXES))
        model.run("lens", "rewrite", *options, "--steps", str(STEPS))
        return adapter(output)


def check(model) -> list[Row]:
    lines = (PAGES / "rewrites.tsv").read_text().splitlines()[:FACTS]
    text = "\n".join((PAGES / "places.txt").read_text().splitlines()[:LINES])
    files = model.file("\n".join(lines) + "\n"), model.file(text)
    oracle = Rewriting(model, [line.split("\t") for line in lines], text)
    row = partial(Row, command="lens rewrite", program=program("torch"), bar=1e-3)
    found = rewrite(model, *files, "rome")[LAYER]
    with torch.no_grad():
        keys = [oracle.mean(fact, oracle.down(LAYER), "in") for fact in oracle.facts]
    values, update = oracle.rome()
    ours = found @ torch.stack(keys, 1).double()
    rows = [
        row("ROME, values", measure=f"relative error of {FACTS}", value=error(ours, values)),
        row(
            "ROME, update",
            measure=f"relative error of the change of a matrix, rank {FACTS}",
            value=error(found, update),
        ),
    ]
    found = rewrite(model, *files, "memit")
    updates = oracle.memit()
    errors = [error(found[layer], each) for layer, each in zip(sorted(found), updates)]
    rows.append(
        row(
            "MEMIT, updates",
            command="lens rewrite --method memit",
            measure=f"relative error of the changes of matrices, maximum of {LAYERS}",
            value=max(errors) if len(errors) == LAYERS else np.inf,
        )
    )
    return rows
