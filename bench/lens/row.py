"""The rows of a comparison of methods with other programs."""

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np


@dataclass(frozen=True)
class Row:
    """The agreement of one method with one program.

    value is the measured number, bar the limit that it must not pass: an upper limit for errors,
    a lower one if the measure is a correlation or an overlap.
    """

    method: str
    command: str
    program: str
    measure: str
    value: float
    bar: float
    lower: bool = False

    @property
    def passed(self) -> bool:
        return self.value >= self.bar if self.lower else self.value <= self.bar


def error(ours, theirs) -> float:
    """Returns the norm of the difference by the norm of the other program's values."""
    ours, theirs = np.asarray(ours, float).ravel(), np.asarray(theirs, float).ravel()
    if ours.shape != theirs.shape:
        raise ValueError(f"{ours.size} values against {theirs.size}")
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def cosine(ours, theirs) -> float:
    """Returns the cosine of the values of both programs."""
    ours, theirs = np.asarray(ours, float).ravel(), np.asarray(theirs, float).ravel()
    return float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))


def program(package: str, name: str | None = None) -> str:
    """Returns the name and version of an installed package."""
    return f"{name or package} {version(package)}"
