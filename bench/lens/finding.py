"""A finding on a trained model, and the model that commands run."""

import json
from argparse import Namespace
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


# The circuits of Wang et al. recover 87 % of the logit difference of GPT-2 small.
CIRCUIT = 0.87

# Findings that a model is known not to have. They do not fail, and the table names them.
ABSENT = {
    "smollm2": {
        "entropy-neurons-norm",
        "entropy-neurons-most",
        "ioi-circuit",
        "ioi-areas",
        "copy-suppression",
        "copy-suppression-effect",
        "function-vector-capital",
        "comprehensiveness-grad_x_input",
        "sufficiency-ig",
        "sufficiency-grad_x_input",
    },
    "gemma3": {
        "massive-activations",
        "ioi-circuit",
        "ioi-areas",
        "greater-than-circuit",
        "function-vector-antonym",
        "function-vector-capital",
        "function-vector-plural",
        "function-vector-past",
        "amnesic-effect",
        "entropy-neurons-most",
        "comprehensiveness-grad_x_input",
        "comprehensiveness-order",
        "sufficiency-attn_lrp",
        "sufficiency-ig",
        "sufficiency-grad_x_input",
        "sufficiency-order",
    },
}


@dataclass(frozen=True)
class Finding:
    """A measured finding.

    name identifies it among the findings of its model, claim is the literature's, measured the
    figure, threshold what must be met in words.
    """

    name: str
    section: str
    claim: str
    measured: str
    threshold: str
    passed: bool

    def failed(self, model: str) -> bool:
        return not self.passed and self.name not in ABSENT.get(model, ())

    def verdict(self, model: str) -> str:
        if self.passed:
            return "holds"
        return "**not reproduced**" if self.failed(model) else "not found here"


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

    @staticmethod
    def ratio(above, below) -> "Mean":
        """Returns a ratio of means of paired values, with the interval of its deviations."""
        above, below = (np.asarray(x, dtype=np.float64) for x in (above, below))
        ratio = above.mean() / below.mean()
        return Mean(float(ratio), Mean.of(above - ratio * below).half / abs(float(below.mean())))

    def times(self, factor: float) -> "Mean":
        return Mean(factor * self.mean, abs(factor) * self.half)

    def minus(self, other: "Mean") -> "Mean":
        """Returns the difference from another mean, as if their samples were independent."""
        return Mean(self.mean - other.mean, float(np.hypot(self.half, other.half)))

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


def normalize(logits: np.ndarray) -> np.ndarray:
    """Returns log-probabilities."""
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


class Model:
    """A model that commands run, and a directory for their files."""

    def __init__(self, path: str, arguments, directory: Path):
        self.path = path
        self.name = Path(path).stem
        self.arguments = arguments
        self.directory = directory
        self.count = arguments.count
        # What pictures show, by its name there.
        self.curves: dict[str, dict] = {}
        self.tasks: dict[str, list[Mean]] = {}
        self.neurons: dict[str, list[Mean]] = {}

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
        # The command runs no model, so does not have the option of threads.
        arguments = Namespace(vidrio=self.arguments.vidrio, threads=None)
        return json.loads(vidrio.run(arguments, "tokenize", "--ids", text, "-m", self.path))

    def file(self, name: str, tensors: dict[str, np.ndarray]) -> str:
        """Returns a file with tensors for edits."""
        path = self.directory / name
        save_file(tensors, path)
        return str(path)

    def activations(self, text, hooks: str, *edits: str) -> dict[str, np.ndarray]:
        """Returns activations of a text, or of the token ids of one, under edits."""
        file, out = self.directory / "ids.json", self.directory / "cache.safetensors"
        if isinstance(text, str):
            given = ["-p", text]
        else:
            file.write_text(json.dumps([int(token) for token in text]))
            given = ["--ids", str(file)]
        command = ["lens", "cache", *given, "--hooks", hooks]
        for edit in edits:
            command += ["--edit", edit]
        self.run(*command, "-o", str(out))
        return load_file(out)

    def log_probabilities(self, ids, *edits: str) -> np.ndarray:
        """Returns those of the next token at each position, [n][V], under edits."""
        return normalize(self.activations(ids, "unembed.hook_out", *edits)["unembed.hook_out"])

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
