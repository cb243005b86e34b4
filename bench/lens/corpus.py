"""Statistics of heads over a text against TransformerLens's patterns, and neurons against torch.

Heads: the weights that TransformerLens's head_detector asks for, here as means over the queries that
have such a key, from its patterns. Neurons of the last layer: moments of W_U w_out, and the fraction
of w_out in the last singular vectors of W_U, from the weights and singular values of torch.
"""

import numpy as np
import torch
from row import Row, program

TEXT = (
    "The king and his queen had a castle by the river, and the king and his children liked to swim."
    " Unbelievably, the castle by the river was older than the kingdom, the king and his queen said."
)
HEADS = {
    "previous": "previous-token",
    "first": "first-token",
    "current": "current-token",
    "duplicate": "duplicate-token",
    "induction": "induction",
    "entropy_bits": "entropy",
    "distance": "distance",
}
NEURONS = {
    "logit_variance": "variance of W_U w_out",
    "logit_skewness": "skewness of W_U w_out",
    "logit_kurtosis": "kurtosis of W_U w_out",
    "null_fraction": "fraction of w_out in the null space",
    "in_cosine": "cosine of w_in and w_out",
}


def head_scores(pattern: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the scores of the heads of a layer, [H] each, from their patterns, [H, n, n]."""
    n = len(tokens)
    query, key = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    same = np.tril(tokens[:, None] == tokens[None, :], -1)
    after = np.zeros_like(same)
    after[:, 1:] = same[:, :-1] & (key[:, 1:] < query[:, 1:])
    repeats = same[1:].any(axis=1).sum()
    rows = pattern[:, 1:]
    return {
        "previous": np.diagonal(pattern, -1, 1, 2).mean(axis=1),
        "first": rows[:, :, 0].mean(axis=1),
        "current": np.diagonal(pattern, 0, 1, 2)[:, 1:].mean(axis=1),
        "duplicate": (rows * same[1:]).sum(axis=(1, 2)) / repeats,
        "induction": (rows * after[1:]).sum(axis=(1, 2)) / repeats,
        "entropy_bits": -(rows * np.log2(np.where(rows > 0, rows, 1))).sum(axis=2).mean(axis=1),
        "distance": (rows * (query - key)[1:]).sum(axis=2).mean(axis=1),
    }


def neuron_scores(model, layer: int) -> dict[str, np.ndarray]:
    """Returns the scores of the neurons of a layer, [d_ffn] each, from the weights."""
    weights = {name: w.double() for name, w in model.transformers().state_dict().items()}
    gain = weights["model.norm.weight"]
    unembedding = weights["lm_head.weight"] * gain
    out = weights[f"model.layers.{layer}.mlp.down_proj.weight"].T
    read = weights[f"model.layers.{layer}.mlp.up_proj.weight"]
    read = read * weights[f"model.layers.{layer}.post_attention_layernorm.weight"]
    unit = out / out.norm(dim=1, keepdim=True)
    logits = unit @ unembedding.T
    centered = logits - logits.mean(dim=1, keepdim=True)
    variance = (centered**2).mean(dim=1)
    _, _, right = torch.linalg.svd(unembedding - unembedding.mean(dim=0), full_matrices=False)
    null = right[-(out.shape[1] // 64) :]
    scores = {
        "logit_variance": variance,
        "logit_skewness": (centered**3).mean(dim=1) / variance**1.5,
        "logit_kurtosis": (centered**4).mean(dim=1) / variance**2,
        "null_fraction": (unit @ null.T).norm(dim=1),
        "in_cosine": (read * out).sum(dim=1) / read.norm(dim=1) / out.norm(dim=1),
    }
    return {name: values.numpy() for name, values in scores.items()}


def check(model) -> list[Row]:
    ours = model.vidrio("lens", "corpus", "-p", TEXT)
    tokens = torch.tensor(model.vidrio("lens", "attention", "-p", TEXT)["tokens"])
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(tokens[None])
    layers = ours["heads"][-1]["layer"] + 1
    theirs = [
        head_scores(cache[f"blocks.{layer}.attn.hook_pattern"][0].double().numpy(), tokens.numpy())
        for layer in range(layers)
    ]
    rows = []
    for name, method in HEADS.items():
        found = np.array([head[name] for head in ours["heads"]])
        expected = np.concatenate([scores[name] for scores in theirs])
        rows.append(
            Row(
                f"heads over a text, {method}",
                "lens corpus",
                program("transformer-lens", "TransformerLens"),
                f"maximum difference of {len(found)} heads, by the largest value",
                float((np.abs(found - expected) / np.abs(expected).max()).max()),
                1e-4,
            )
        )
    last = [neuron for neuron in ours["neurons"] if neuron["layer"] == layers - 1]
    expected = neuron_scores(model, layers - 1)
    for name, method in NEURONS.items():
        found = np.array([neuron[name] for neuron in last])
        difference = np.abs(found - expected[name]) / np.abs(expected[name]).max()
        rows.append(
            Row(
                f"neurons, {method}",
                "lens corpus",
                program("torch"),
                f"maximum difference of {len(found)} neurons, by the largest value",
                float(difference.max()),
                1e-4,
            )
        )
    return rows
