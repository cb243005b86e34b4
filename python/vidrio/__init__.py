"""Looks inside language models, on the quantized weights that Vidrio serves.

>>> import vidrio
>>> model = vidrio.load("bard")
>>> logits, cache = model.run_with_cache("To be, or not to")
>>> cache["pattern", 2].shape
(8, 7, 7)
"""

from vidrio.activations import Activations
from vidrio.client import VidrioError
from vidrio.commands import Command, Commands
from vidrio.model import Model
from vidrio.result import Result
from vidrio.server import connect, load

__all__ = [
    "Activations",
    "Command",
    "Commands",
    "Model",
    "Result",
    "VidrioError",
    "connect",
    "load",
]
