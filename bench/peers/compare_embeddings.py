"""Compares embeddings with those of sentence-transformers, token ids given to both.

    python compare_embeddings.py MODEL_DIRECTORY [--vidrio COMMAND] [--texts 2000] [--seed 1]

MODEL_DIRECTORY is a directory of sentence-transformers with WordPiece or another tokenizer of the
package tokenizers. Texts are of random words of the vocabulary, of 1 to some 250 tokens. Prints the
minimum cosine and the maximum difference relative to the largest element; fails below 0.99999.

Needs sentence-transformers.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

import vidrio


def texts(tokenizer: Tokenizer, count: int, seed: int) -> list[str]:
    """Returns texts of random words. A few are not in the vocabulary."""
    draw = random.Random(seed)
    words = [w for w in tokenizer.get_vocab() if w.isalpha()]
    return [
        " ".join(
            draw.choice(words) + draw.choice(["", "", "", ",", ".", "ing", "123"])
            for _ in range(int(draw.choice([3, 10, 40, 110]) * draw.random()) + 1)
        )
        for _ in range(count)
    ]


def embed(arguments, ids: list[list[int]]) -> np.ndarray:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(ids, file)
        file.flush()
        directory = str(arguments.directory)
        lines = vidrio.run(arguments, "embed", "-m", directory, "--batch", file.name)
    return np.array([json.loads(line) for line in lines.splitlines()])


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares with sentence-transformers.")
    parser.add_argument("directory", type=Path)
    vidrio.add_options(parser)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    model = SentenceTransformer(str(arguments.directory), device="cpu")
    tokenizer = Tokenizer.from_file(str(arguments.directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.max_seq_length)
    strings = texts(tokenizer, arguments.texts, arguments.seed)
    ids = [tokenizer.encode(text).ids for text in strings]
    ours = embed(arguments, ids)
    with torch.no_grad():
        theirs = model.encode(strings, batch_size=64, convert_to_numpy=True).astype(np.float64)
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = (ours * theirs).sum(axis=1) / norms
    difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
    lengths = [len(i) for i in ids]
    print(
        f"{len(ids)} texts of {min(lengths)} to {max(lengths)} tokens: "
        f"cosine at least {cosine.min():.9f}, largest relative difference {difference:.2e}"
    )
    sys.exit(int(cosine.min() < 0.99999))


if __name__ == "__main__":
    main()
