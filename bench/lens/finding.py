"""A finding on a trained model, and the model that commands run."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import page
from page import vidrio
from safetensors.numpy import load_file, save_file

TEXT = (
    "The museum opens at nine in the morning. Visitors can leave their bags and coats at the desk,"
    " and a guide walks through the rooms every hour. On Sundays, when most families come, the"
    " garden behind the house is open too, and children may feed the birds near the old pond."
)


@dataclass(frozen=True)
class Finding:
    """A measured finding.

    claim is the literature's, measured the figure, threshold what must be met in words. A finding
    that is known to be absent from the model does not fail; the table names it.
    """

    section: str
    claim: str
    measured: str
    threshold: str
    passed: bool
    absent: bool = False

    @property
    def failed(self) -> bool:
        return not self.passed and not self.absent

    @property
    def verdict(self) -> str:
        if self.passed:
            return "holds"
        return "not found here" if self.absent else "**not reproduced**"


@dataclass(frozen=True)
class Mean:
    """A mean and half the width of its 95 % interval."""

    mean: float
    half: float

    @staticmethod
    def of(values) -> "Mean":
        values = np.asarray(values, dtype=np.float64)
        return Mean(float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(values.size)))

    @staticmethod
    def read(estimate: dict) -> "Mean":
        """Returns an estimate of the JSON of a command."""
        return Mean(estimate["mean"], estimate["half_width"] or 0.0)

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def text(self, digits: int = 2, sign: str = "") -> str:
        return f"{self.mean:{sign}.{digits}f} ± {self.half:.{digits}f}"

    def percent(self, sign: str = "") -> str:
        return f"{100 * self.mean:{sign}.1f} ± {100 * self.half:.1f} %"


class Model:
    """A model that commands run, and a directory for their files."""

    def __init__(self, path: str, arguments, directory: Path):
        self.path = path
        self.arguments = arguments
        self.directory = directory
        self.count = arguments.count

    def run(self, *command: str) -> str:
        """Returns what a command prints."""
        return vidrio.run(self.arguments, *command, "-m", self.path)

    def json(self, *command: str) -> dict:
        """Returns the JSON that a command prints."""
        return json.loads(self.run(*command, "--json"))

    def pairs(self, name: str, count: int) -> str:
        """Returns a file with generated pairs of texts."""
        file = self.directory / f"{name}-{count}.tsv"
        if not file.exists():
            self.run("lens", "dataset", name, "-n", str(count), "-o", str(file))
        return str(file)

    def tokenize(self, text: str) -> list[int]:
        """Returns the tokens of a text."""
        return json.loads(self.run("tokenize", "--ids", text))

    def file(self, name: str, tensors: dict[str, np.ndarray]) -> str:
        """Returns a file with tensors for edits."""
        path = self.directory / name
        save_file(tensors, path)
        return str(path)

    def activations(self, ids, hooks: str, *edits: str) -> dict[str, np.ndarray]:
        """Returns activations of a text of token ids under edits."""
        text, out = self.directory / "ids.json", self.directory / "cache.safetensors"
        text.write_text(json.dumps([int(token) for token in ids]))
        command = ["lens", "cache", "--ids", str(text), "--hooks", hooks]
        for edit in edits:
            command += ["--edit", edit]
        self.run(*command, "-o", str(out))
        return load_file(out)

    def log_probabilities(self, ids, *edits: str) -> np.ndarray:
        """Returns those of the next token at each position, [n][V], under edits."""
        logits = self.activations(ids, "unembed.hook_out", *edits)["unembed.hook_out"]
        logits = logits.astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def losses(self, ids, *edits: str) -> np.ndarray:
        """Returns the loss of each token but the first, in nats, under edits."""
        return -self.log_probabilities(ids, *edits)[np.arange(len(ids) - 1), np.asarray(ids[1:])]

    @cached_property
    def heads(self) -> dict:
        """The scores of all heads, and the share of sinks."""
        return self.json("lens", "heads")

    @cached_property
    def ids(self) -> list[int]:
        """The tokens of the text."""
        return self.json("lens", "norms", "-p", TEXT)["tokens"]

    @cached_property
    def layers(self) -> int:
        return 1 + max(head["layer"] for head in self.heads["heads"])

    @cached_property
    def prose(self) -> str:
        """Natural text: long lines of pages of this repository, without code and tables."""
        prose = []
        for name in ["README.md", "docs/limits.md", "docs/numerics.md", "CONTRIBUTING.md"]:
            inside = False
            for line in (page.PAGES.parent.parent / name).read_text().splitlines():
                inside ^= line.startswith("```")
                if len(line) > 100 and line[0].isalpha() and not inside:
                    prose.append(line)
        return "\n".join(prose)

    @cached_property
    def chunks(self) -> list[list[int]]:
        """Chunks of 128 tokens of natural text, each with the first token of a text."""
        tokens = self.tokenize(self.prose)
        return [[self.ids[0], *tokens[i : i + 127]] for i in range(0, len(tokens) - 127, 127)]
