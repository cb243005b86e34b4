"""Findings on natural text: a head that suppresses copies."""

import numpy as np
from finding import Finding, Mean, Model

CHUNKS = 8
# Shares of source tokens that a head may use, as McDougall et al. define it.
PREDICTED = 0.05


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Returns KL(p ‖ q) of each prediction in nats, given log-probabilities."""
    return (np.exp(p) * (p - q)).sum(-1)


def copy_suppression(model: Model) -> list[Finding]:
    """Copy suppression (McDougall et al. 2023): how much of a head's effect on text it explains.

    The head with the highest score by weights writes, in its ablation to copy suppression, only
    from those tokens of the text that are predicted most at its input (a twentieth of them), and
    only against their own logits. The rest of its output is replaced by the mean over the text. The
    share of explained effect is one minus the divergence of this run by that of mean ablation.
    """
    tensors = Weights.tensors(model)
    if "blk.0.post_attention_norm.weight" in tensors:
        return []  # The norm's divisor is that of all heads: one head's part is not an edit.
    heads = model.json("lens", "heads", "--suppression")["heads"]
    head = max(heads, key=lambda head: head["suppression"])
    layer, number = head["layer"], head["head"]
    weights = Weights(tensors, layer, number, len([h for h in heads if h["layer"] == layer]))
    hooks = [
        f"blocks.{layer}.{name}"
        for name in ("hook_resid_pre", "attn.hook_v", "attn.hook_pattern", "hook_attn_out")
    ]
    kept, ablated, agreeing = [], [], []
    for ids in model.chunks[:CHUNKS]:
        found = model.activations(ids, ",".join(hooks))
        stream, values, patterns, _ = (found[hook] for hook in hooks)
        written = patterns[number] @ (values[:, weights.shared] @ weights.out.T)
        part = weights.suppression(ids, stream, values[:, weights.shared], patterns[number])
        clean = model.log_probabilities(ids)
        for name, output, divergences in (
            ("mean", np.broadcast_to(written.mean(0), written.shape), ablated),
            ("part", part + (written - part).mean(0), kept),
        ):
            change = (output - written).astype(np.float32)
            file = model.file("change.safetensors", {name: np.ascontiguousarray(change)})
            edit = f"{hooks[3]} add 1 {file}:{name}"
            divergences.extend(divergence(clean, model.log_probabilities(ids, edit))[1:])
        agreeing.extend(weights.lowers(ids, written, patterns[number])[1:])
    left = Mean.ratio(kept, ablated)
    explained = Mean(1 - left.mean, left.half)
    strongest = np.argsort(-np.asarray(ablated))[: len(ablated) // 20]
    lowered = Mean.of(np.asarray(agreeing)[strongest].astype(float))
    name = f"L{layer}.H{number}"
    return [
        Finding(
            "copy-suppression",
            "5.1",
            "a head lowers tokens that the text has and earlier layers predict (GPT-2 small, 10.7:"
            " 85 % of its strongest effects)",
            f"{name}: in {lowered.percent()} of its {len(strongest)} strongest effects it lowers"
            " the token that it attends to most, except the first, to the ten lowest",
            "interval above 70 %",
            lowered.low > 0.7,
        ),
        Finding(
            "copy-suppression-effect",
            "5.1",
            "copy suppression explains the head's effect on text (GPT-2 small, 10.7: 76.9 %)",
            f"{name}: {explained.percent()} of {np.mean(ablated):.4f} nats"
            f" ({len(ablated)} tokens)",
            "interval above one half",
            explained.low > 0.5,
        ),
    ]


class Weights:
    """The weights of a head that the ablation needs, read from a GGUF file."""

    @staticmethod
    def tensors(model: Model) -> dict:
        from gguf import GGUFReader

        return {tensor.name: tensor for tensor in GGUFReader(model.path).tensors}

    def __init__(self, tensors: dict, layer: int, head: int, heads: int):
        from gguf import dequantize

        def read(name: str) -> np.ndarray:
            return dequantize(tensors[name].data, tensors[name].tensor_type)

        output = read(f"blk.{layer}.attn_output.weight")
        width = output.shape[1] // heads
        self.out = output[:, head * width : (head + 1) * width]
        named = "output.weight" if "output.weight" in tensors else "token_embd.weight"
        self.unembedding = read(named) * read("output_norm.weight")
        keys = tensors[f"blk.{layer}.attn_k.weight"].shape[-1]
        self.shared = head // (heads // (int(keys) // width))

    def suppression(self, ids, stream, values, pattern) -> np.ndarray:
        """Returns the part of the head's output that is copy suppression, [n][d]."""
        directions = self.unembedding[ids]
        lengths = (directions**2).sum(-1)
        # A token that is attended to wholly writes this along its own unembedding, if against it.
        along = np.minimum(0, ((values @ self.out.T) * directions).sum(-1) / lengths)
        along[0] = 0
        normalized = stream / np.sqrt((stream**2).mean(-1, keepdims=True))
        predicted = np.tril(normalized @ directions.T)
        result = np.zeros_like(stream)
        for query in range(1, len(ids)):
            count = max(1, round(PREDICTED * query))
            first = {token: source for source, token in reversed(list(enumerate(ids[: query + 1])))}
            sources = np.array(list(first.values()))
            best = sources[np.argsort(-predicted[query, sources])[:count]]
            chosen = np.isin(np.asarray(ids[: query + 1]), np.asarray(ids)[best])
            weights = pattern[query, : query + 1] * along[: query + 1] * chosen
            result[query] = weights @ directions[: query + 1]
        return result

    def lowers(self, ids, written, pattern) -> list[bool]:
        """Returns whether the head lowers the token it attends to most to the ten lowest."""
        result = [False]
        for query in range(1, len(ids)):
            token = ids[1 + int(pattern[query, 1 : query + 1].argmax())]
            effects = self.unembedding @ written[query]
            result.append(bool((effects < effects[token]).sum() < 10))
        return result
