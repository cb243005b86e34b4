"""The activations of a text."""

import html
import re
from collections.abc import Iterator, Mapping

import numpy as np


class Activations(Mapping):
    """Activations by the names of TransformerLens, without its batch axis.

    `cache["blocks.3.attn.hook_pattern"]` has one, `cache["pattern", 3]` is short for it, and a
    negative layer counts from the last. Arrays are read-only.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], pieces: list[str]):
        self._tensors = dict(tensors)
        #: The ids of the text, and of generated tokens.
        self.tokens = self._tensors.pop("tokens")
        #: The texts of these tokens.
        self.pieces = pieces

    def __getitem__(self, key: str | tuple[str, int]) -> np.ndarray:
        return self._tensors[key if isinstance(key, str) else self._name(*key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def _name(self, short: str, layer: int) -> str:
        names = self._names(short)
        layers = sorted(names)
        if layer < 0 and layers:
            layer += layers[-1] + 1
        if layer not in names:
            raise KeyError(f"{short} of layer {layer}; there are layers {layers}")
        return names[layer]

    def _names(self, short: str) -> dict[int, str]:
        pattern = re.compile(rf"blocks\.(\d+)\.(?:.*\.)?(?:hook_)?{re.escape(short)}")
        matches = ((name, pattern.fullmatch(name)) for name in self._tensors)
        return {int(match[1]): name for name, match in matches if match}

    def stack(self, short: str) -> np.ndarray:
        """Returns the activations of all layers that have the point, along a first axis."""
        names = self._names(short)
        if not names:
            raise KeyError(short)
        return np.stack([self._tensors[names[layer]] for layer in sorted(names)])

    def __repr__(self) -> str:
        return f"Activations of {len(self.tokens)} tokens at {len(self)} hook points"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(name)}</code></td>"
            f"<td>{' × '.join(map(str, tensor.shape))}</td></tr>"
            for name, tensor in self._tensors.items()
        )
        return (
            f"<details><summary>{html.escape(repr(self))}</summary>"
            f"<table><tr><th>hook point</th><th>shape</th></tr>{rows}</table></details>"
        )
