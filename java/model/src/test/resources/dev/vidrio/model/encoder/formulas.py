"""Writes tiny random encoders that only llama.cpp and remote code have, and their hidden states.

    python formulas.py [NAME…]

The hidden states are computed here in double from the formulas of the architectures. Each model gets
`model.gguf` (F32) and `expected.safetensors` with `tokens` and `types` int32 [n] and `hidden` float32
[n, d]. Needs gguf, safetensors and numpy.
"""

import math
import sys
import zlib
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

D, FFN, LAYERS, HEADS, VOCABULARY, POSITIONS, COUNT = 32, 48, 2, 4, 64, 64, 40
EPSILON = 1e-6
BASE = 1000.0


class Tensors(dict):
    """Draws a tensor when it is first read."""

    def __init__(self, name):
        super().__init__()
        self.random = np.random.default_rng(zlib.crc32(name.encode()))

    def __call__(self, name, *shape):
        values = self.random.standard_normal(shape).astype(np.float32)
        if name.startswith("blk") and len(shape) == 2:
            values *= np.float32(1.25 / math.sqrt(shape[1]))
        elif len(shape) == 1:
            values = values * np.float32(0.25) + np.float32(name.endswith("weight"))
        self[name] = values
        return values.astype(np.float64)


def layer_norm(w, name, x):
    centered = x - x.mean(-1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + EPSILON)
    return scaled * w(f"{name}.weight", D) + w(f"{name}.bias", D)


def rms_norm(w, name, x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON) * w(f"{name}.weight", D)


def rotate(x, pairs):
    """RoPE of heads [n, H, d_h]: pair j rotates by the angle position / BASE^(2 j / d_h)."""
    width = x.shape[-1]
    angles = np.arange(len(x))[:, None] * BASE ** (-np.arange(0, width, 2) / width)
    first, second = pairs(width)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    y = np.empty_like(x)
    y[..., first] = x[..., first] * cos - x[..., second] * sin
    y[..., second] = x[..., first] * sin + x[..., second] * cos
    return y


def halves(width):
    return np.arange(width // 2), np.arange(width // 2, width)


def adjacent(width):
    return np.arange(0, width, 2), np.arange(1, width, 2)


def attend(q, k, v, slopes=None):
    scores = np.einsum("nhd,mhd->hnm", q, k) / math.sqrt(q.shape[-1])
    if slopes is not None:
        distance = np.abs(np.arange(len(q))[:, None] - np.arange(len(q)))
        scores -= slopes[:, None, None] * distance
    e = np.exp(scores - scores.max(-1, keepdims=True))
    pattern = e / e.sum(-1, keepdims=True)
    return np.einsum("hnm,mhd->nhd", pattern, v).reshape(len(q), D)


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def heads(x):
    return x.reshape(len(x), HEADS, D // HEADS)


def embed(w, tokens, types):
    x = w("token_embd.weight", VOCABULARY, D)[tokens] + w("token_types.weight", 2, D)[types]
    return layer_norm(w, "token_embd_norm", x)


def nomic(w, tokens, types):
    x = embed(w, tokens, types)
    for b in (f"blk.{l}." for l in range(LAYERS)):
        q, k, v = map(heads, np.split(x @ w(b + "attn_qkv.weight", 3 * D, D).T, 3, axis=1))
        z = attend(rotate(q, halves), rotate(k, halves), v)
        x = layer_norm(w, b + "attn_output_norm", x + z @ w(b + "attn_output.weight", D, D).T)
        gate = silu(x @ w(b + "ffn_gate.weight", FFN, D).T)
        y = (gate * (x @ w(b + "ffn_up.weight", FFN, D).T)) @ w(b + "ffn_down.weight", D, FFN).T
        x = layer_norm(w, b + "layer_output_norm", x + y)
    return x


def jina(w, tokens, types):
    x = embed(w, tokens, types)
    slopes = 2.0 ** (-8 / HEADS * np.arange(1, HEADS + 1))
    for b in (f"blk.{l}." for l in range(LAYERS)):

        def linear(part, n, x):
            return x @ w(f"{b}{part}.weight", n, x.shape[1]).T + w(f"{b}{part}.bias", n)

        q, k, v = (heads(linear("attn_" + part, D, x)) for part in "qkv")
        z = linear("attn_output", D, attend(q, k, v, slopes))
        x = layer_norm(w, b + "attn_output_norm", x + z)
        gate = gelu(x @ w(b + "ffn_gate.weight", FFN, D).T)
        y = linear("ffn_down", D, gate * (x @ w(b + "ffn_up.weight", FFN, D).T))
        x = layer_norm(w, b + "layer_output_norm", x + y)
    return x


def neo(w, tokens, types):
    x = w("token_embd.weight", VOCABULARY, D)[tokens]
    for b in (f"blk.{l}." for l in range(LAYERS)):
        h = rms_norm(w, b + "attn_norm", x)
        q, k, v = map(heads, np.split(h @ w(b + "attn_qkv.weight", 3 * D, D).T, 3, axis=1))
        z = attend(rotate(q, adjacent), rotate(k, adjacent), v)
        x = x + z @ w(b + "attn_output.weight", D, D).T
        both = rms_norm(w, b + "ffn_norm", x) @ w(b + "ffn_up.weight", 2 * FFN, D).T
        gate, up = np.split(both, 2, axis=1)
        x = x + (silu(gate) * up) @ w(b + "ffn_down.weight", D, FFN).T
    return rms_norm(w, "enc.output_norm", x)


MODELS = {"nomic-bert": nomic, "jina-bert-v2": jina, "neo-bert": neo}


def generate(directory: Path, name: str) -> None:
    directory.mkdir(exist_ok=True)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    tokens = random.integers(3, VOCABULARY, COUNT, dtype=np.int32)
    types = (np.arange(COUNT) >= COUNT // 2).astype(np.int32) * np.int32(name != "neo-bert")
    w = Tensors(name)
    hidden = MODELS[name](w, tokens, types).astype(np.float32)
    expected = {"tokens": tokens, "types": types, "hidden": hidden}
    save_file(expected, directory / "expected.safetensors")
    writer = gguf.GGUFWriter(directory / "model.gguf", name)
    writer.add_tokenizer_model("none")
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(D)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(EPSILON)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(BASE)
    writer.add_causal_attention(False)
    for key, value in w.items():
        writer.add_tensor(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    for model in sys.argv[1:] or MODELS:
        generate(Path(__file__).parent / model, model)
