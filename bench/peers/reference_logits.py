"""Writes the logits of one engine on the first tokens of a text.

    python reference_logits.py MODEL.gguf TEXT.txt OUT.safetensors --engine exact --count 512
    python reference_logits.py MODEL.gguf TEXT.txt OUT.safetensors --engine llama.cpp --count 512

`exact` is the forward pass of the dequantized weights of the GGUF file: of the llama architecture
the readable one below, all of it in float64; of others that of transformers in float32. `llama.cpp` runs the same ids through llama.cpp with its default
settings. The text is tokenized by llama.cpp, with the special tokens that the model asks for. The
file holds `tokens`, int32 [N], and `logits`, float32 [N, V], the outputs after each of those
tokens; kld.py compares two such files, and `vidrio eval logits` writes one too.

Needs numpy, gguf, safetensors and llama-cpp-python, and for other architectures transformers and
torch.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from llama_cpp import Llama
from safetensors.numpy import save_file

BLOCK_TENSORS = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)


@dataclass(frozen=True)
class Hyperparameters:
    """The numbers of a llama model that its tensors do not tell."""

    block_count: int
    head_count: int
    head_count_kv: int
    head_size: int
    rms_epsilon: float
    rope_base: float

    @staticmethod
    def read(path: str, reader: GGUFReader) -> "Hyperparameters":
        """Reads the metadata; raises ValueError for what this reference does not support."""
        fields = {
            name: field.contents()
            for name, field in reader.fields.items()
            if not name.startswith("tokenizer.")
        }
        architecture = fields.get("general.architecture")
        if architecture != "llama":
            raise ValueError(
                f"{path}: general.architecture is {architecture}, only llama is supported"
            )
        for name in fields:
            if name.startswith("llama.rope.scaling."):
                raise ValueError(f"{path}: {name} is set, RoPE scaling is not supported")
        for name in (
            "block_count",
            "embedding_length",
            "attention.head_count",
            "attention.layer_norm_rms_epsilon",
        ):
            if f"llama.{name}" not in fields:
                raise ValueError(f"{path}: llama.{name} is missing")
        heads = fields["llama.attention.head_count"]
        head_size = fields["llama.embedding_length"] // heads
        rotated = fields.get("llama.rope.dimension_count", head_size)
        if rotated != head_size:
            raise ValueError(
                f"{path}: llama.rope.dimension_count is {rotated}, only {head_size} is supported"
            )
        return Hyperparameters(
            block_count=fields["llama.block_count"],
            head_count=heads,
            head_count_kv=fields.get("llama.attention.head_count_kv", heads),
            head_size=head_size,
            rms_epsilon=fields["llama.attention.layer_norm_rms_epsilon"],
            rope_base=fields.get("llama.rope.freq_base", 10000.0),
        )


class ReferenceLlama:
    """The llama architecture, written to be read: every step is one line of the textbook formula.

    Keeps the keys and values of all tokens it was given: `logits` continues where it stopped.
    """

    def __init__(self, path: str, dtype: type = np.float64):
        reader = GGUFReader(path)
        self.hyperparameters = Hyperparameters.read(path, reader)
        self.dtype = dtype
        self.weights = {
            tensor.name.removesuffix(".weight"): dequantize(tensor.data, tensor.tensor_type).astype(
                dtype
            )
            for tensor in reader.tensors
        }
        names = {
            f"blk.{block}.{name}"
            for block in range(self.hyperparameters.block_count)
            for name in BLOCK_TENSORS
        }
        unknown = self.weights.keys() - names - {"token_embd", "output_norm", "output"}
        if unknown:
            raise ValueError(
                f"{path}: tensor {min(unknown)} is not part of the supported llama architecture"
            )
        self.output = self.weights.get("output", self.weights["token_embd"])
        self.clear()

    def clear(self) -> None:
        """Forgets all tokens."""
        heads, size = self.hyperparameters.head_count_kv, self.hyperparameters.head_size
        self.caches = [
            (np.empty((0, heads, size), self.dtype), np.empty((0, heads, size), self.dtype))
            for _ in range(self.hyperparameters.block_count)
        ]

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """Appends the tokens [N] and returns the logits [N, V] after each of them."""
        start = len(self.caches[0][0])
        positions = np.arange(start, start + len(tokens))
        hidden = self.weights["token_embd"][tokens]
        for block in range(self.hyperparameters.block_count):
            weight = {name: self.weights[f"blk.{block}.{name}"] for name in BLOCK_TENSORS}
            normed = self.rms_norm(hidden, weight["attn_norm"])
            hidden = (
                hidden + self.attention(block, normed, positions, weight) @ weight["attn_output"].T
            )
            normed = self.rms_norm(hidden, weight["ffn_norm"])
            gate = normed @ weight["ffn_gate"].T
            activated = gate / (1 + np.exp(-gate)) * (normed @ weight["ffn_up"].T)
            hidden = hidden + activated @ weight["ffn_down"].T
        return self.rms_norm(hidden, self.weights["output_norm"]) @ self.output.T

    def rms_norm(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        mean_square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.dtype(self.hyperparameters.rms_epsilon)) * weight

    def attention(
        self, block: int, x: np.ndarray, positions: np.ndarray, weight: dict
    ) -> np.ndarray:
        """Causal grouped-query attention of new tokens x [N, E] over all; [N, heads * size]."""
        count, size = len(x), self.hyperparameters.head_size
        queries = self.rope((x @ weight["attn_q"].T).reshape(count, -1, size), positions)
        new_keys = self.rope((x @ weight["attn_k"].T).reshape(count, -1, size), positions)
        new_values = (x @ weight["attn_v"].T).reshape(count, -1, size)
        keys, values = self.caches[block]
        keys, values = np.concatenate((keys, new_keys)), np.concatenate((values, new_values))
        self.caches[block] = keys, values

        future = np.arange(len(keys)) > positions[:, None]
        group = self.hyperparameters.head_count // self.hyperparameters.head_count_kv
        out = np.empty_like(queries)
        for head in range(self.hyperparameters.head_count):
            scores = queries[:, head] @ keys[:, head // group].T / self.dtype(np.sqrt(size))
            scores = np.where(future, self.dtype(-np.inf), scores)
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[:, head] = weights / weights.sum(axis=-1, keepdims=True) @ values[:, head // group]
        return out.reshape(count, -1)

    def rope(self, x: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Rotates the pairs (2i, 2i + 1) of x [N, heads, size], which GGUF orders so for llama."""
        size = x.shape[-1]
        frequencies = self.hyperparameters.rope_base ** (
            -np.arange(0, size, 2, dtype=np.float64) / size
        )
        angles = (positions[:, None] * frequencies)[:, None, :]
        cos, sin = np.cos(angles).astype(self.dtype), np.sin(angles).astype(self.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]
        return np.stack((even * cos - odd * sin, even * sin + odd * cos), axis=-1).reshape(x.shape)


class ReferenceTransformers:
    """The architectures of transformers, in float32."""

    def __init__(self, path: str):
        import torch
        from transformers import AutoModelForCausalLM

        self.model = AutoModelForCausalLM.from_pretrained(
            Path(path).parent,
            gguf_file=Path(path).name,
            dtype=torch.float32,
            attn_implementation="eager",
        ).eval()
        self.clear()

    def clear(self) -> None:
        """Forgets all tokens."""
        self.tokens = []

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """Appends the tokens [N] and returns the logits [N, V] after each of them."""
        import torch

        self.tokens += list(map(int, tokens))
        with torch.no_grad():
            logits = self.model(torch.tensor([self.tokens]), use_cache=False).logits[0]
        return logits[-len(tokens) :].numpy()


Reference = ReferenceLlama | ReferenceTransformers


def open_reference(path: str) -> Reference:
    """Opens the exact forward pass of a GGUF file."""
    architecture = GGUFReader(path).fields["general.architecture"].contents()
    return ReferenceLlama(path) if architecture == "llama" else ReferenceTransformers(path)


def tokenize(model: str, text: str, count: int) -> np.ndarray:
    """Returns the first `count` ids of the text file; raises ValueError where it has fewer."""
    if count < 1:
        raise ValueError(f"--count is {count}, must be at least 1")
    ids = Llama(model, verbose=False).tokenize(Path(text).read_bytes(), add_bos=True, special=False)
    if len(ids) < count:
        raise ValueError(f"{text}: has {len(ids)} tokens, --count asks for {count}")
    return np.array(ids[:count], dtype=np.int32)


def llama_cpp_logits(model: str, tokens: np.ndarray, threads: int | None = None) -> np.ndarray:
    """Returns llama.cpp's logits [N, V], all tokens given at once, with its default settings."""
    llama = Llama(
        model,
        n_ctx=len(tokens),
        n_threads=threads,
        n_threads_batch=threads,
        logits_all=True,
        verbose=False,
    )
    llama.eval(tokens.tolist())
    return np.array(llama.scores[: len(tokens)], dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Writes the logits of one engine on the first tokens of a text."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("text", help="UTF-8 text file")
    parser.add_argument("out", help="safetensors file to write")
    parser.add_argument("--engine", choices=("exact", "llama.cpp"), required=True)
    parser.add_argument("--count", type=int, default=512, help="how many tokens (default 512)")
    arguments = parser.parse_args()
    try:
        tokens = tokenize(arguments.model, arguments.text, arguments.count)
        if arguments.engine == "exact":
            logits = open_reference(arguments.model).logits(tokens)
        else:
            logits = llama_cpp_logits(arguments.model, tokens)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    save_file({"tokens": tokens, "logits": logits.astype(np.float32)}, arguments.out)


if __name__ == "__main__":
    main()
