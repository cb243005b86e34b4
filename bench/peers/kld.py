"""Compares the logits of two engines at the same positions of one text.

    python kld.py REFERENCE.safetensors CANDIDATE.safetensors

Both files hold `tokens`, the N token ids of the text, and `logits`, the float32 [N, V] outputs
after each of them, as reference_logits.py writes. Prints, over the N positions,

    mean KLD   the mean of KL(reference || candidate) of the softmax distributions, in nats
    max KLD    the largest of them and the position it occurs at
    same top   the fraction of positions where both engines rank the same token first

Needs numpy and safetensors.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file


@dataclass(frozen=True)
class Comparison:
    """Per-position results: `kld` in nats and whether the highest logit is at the same token."""

    kld: np.ndarray
    same_top: np.ndarray


def load(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens [N] and logits [N, V] of a file; raises ValueError for a bad one."""
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: {error}") from error
    for name in ("tokens", "logits"):
        if name not in tensors:
            raise ValueError(f"{path}: tensor {name} is missing")
    tokens, logits = tensors["tokens"], tensors["logits"]
    if tokens.ndim != 1 or logits.ndim != 2 or tokens.shape[0] != logits.shape[0]:
        raise ValueError(
            f"{path}: tokens {tokens.shape} and logits {logits.shape} are not [N] and [N, V]"
        )
    if tokens.shape[0] == 0:
        raise ValueError(f"{path}: holds no position")
    if not np.isfinite(logits).all():
        raise ValueError(f"{path}: logits hold values that are not finite")
    return tokens, logits


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def compare(reference: np.ndarray, candidate: np.ndarray) -> Comparison:
    """Compares logits [N, V] row by row; the sums are taken in float64."""
    kld = np.empty(len(reference))
    for position, (expected, actual) in enumerate(zip(reference, candidate)):
        log_p, log_q = log_softmax(expected), log_softmax(actual)
        kld[position] = np.sum(np.exp(log_p) * (log_p - log_q))
    return Comparison(kld, reference.argmax(axis=1) == candidate.argmax(axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the logits of two engines on one text.")
    parser.add_argument("reference", help="safetensors file with the logits taken as the truth")
    parser.add_argument("candidate", help="safetensors file with the logits to judge")
    arguments = parser.parse_args()
    try:
        tokens, reference = load(arguments.reference)
        candidate_tokens, candidate = load(arguments.candidate)
        if not np.array_equal(tokens, candidate_tokens):
            raise ValueError(
                f"{arguments.candidate}: tokens differ from those of {arguments.reference}"
            )
        if reference.shape != candidate.shape:
            raise ValueError(
                f"{arguments.candidate}: logits {candidate.shape} are not {reference.shape}"
            )
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    result = compare(reference, candidate)
    worst = int(result.kld.argmax())
    print(f"positions  {len(result.kld)}")
    print(f"mean KLD   {result.kld.mean():.9f}")
    print(f"max KLD    {result.kld[worst]:.9f} at {worst}")
    print(f"same top   {result.same_top.mean():.6f}")


if __name__ == "__main__":
    main()
