"""Compares the methods of `vidrio lens` with the programs that the field uses for them.

    python conformance.py smollm2.gguf --programs DIRECTORY --write

Each method runs on the F32 weights of the file (dequantized into a second file the first time) and
once more in another program on the same weights. Prints a table for each comparison, with the
versions of the programs; --write also writes it to its section of docs/lens/conformance.md, with
the date, so that a run of a part leaves the other sections as they are. Exits with 1 if a
comparison fails or a row is beyond its bar.

DIRECTORY has checkouts of the programs that are in no registry: EAP-IG (hannamw),
circuit-tracer (decoderesearch), dictionary_learning (jkminder), logit-explanations (mt-upc),
llm-transparency-tool (facebookresearch) and rlace-icml (shauli-ravfogel); and sae-lens, a virtual
environment with this package, which needs another TransformerLens. Comparisons that need one that is
missing are left out, and named.

Needs the packages of requirements.txt in this directory.
"""

import argparse
import datetime
import importlib
import resource
import sys
import time
import traceback
from pathlib import Path

import page
from models import Model, dequantized, vidrio
from row import Row

# The modules with comparisons, and the checkout that each needs.
COMPARISONS = {
    "activations": None,
    "patching": None,
    "interventions": None,
    "components": None,
    "composition": None,
    "corpus": None,
    "relevance": None,
    "answers": None,
    "masks": None,
    "scrubbing": None,
    "rewriting": None,
    "tuning": None,
    "alignment": None,
    "erasure": "rlace-icml",
    "circuits": "EAP-IG",
    "graphs": "circuit-tracer",
    "dictionaries": "circuit-tracer",
    "crosscoders": "dictionary_learning",
    "training": "sae-lens",
    "mixing": "logit-explanations",
    "routes": "llm-transparency-tool",
}


def table(rows: list[Row]) -> str:
    """Returns the rows as a table in Markdown."""
    lines = []
    for row in rows:
        bound = f"{'≥' if row.lower else '≤'} {row.bar:g}"
        value = f"{row.value:.6f}" if row.lower else f"{row.value:.1e}"
        verdict = "" if row.passed else " **beyond the bar**"
        lines.append(
            [row.method, f"`{row.command}`", row.program, row.measure, value + verdict, bound]
        )
    return page.table(["method", "command", "program", "measure", "value", "bar"], lines)


def processor_time() -> float:
    """Returns the CPU seconds of this process and of those that it has run."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def compare(name: str, model: Model, programs: Path | None) -> list[Row] | None:
    """Returns the rows of a comparison, or None if its program is missing."""
    module = importlib.import_module(name)
    needed = COMPARISONS[name]
    if needed is None:
        return module.check(model)
    if programs is None or not (programs / needed).is_dir():
        return None
    return module.check(model, str((programs / needed).resolve()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file of the architecture llama, such as SmolLM2")
    parser.add_argument("--programs", type=Path, help="a directory of checkouts")
    parser.add_argument("--only", help="comparisons, separated by commas")
    parser.add_argument("--write", action="store_true", help="write docs/lens/conformance.md")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(COMPARISONS)
    model = Model(dequantized(arguments.model, arguments), arguments)
    passed = True
    for name in names:
        begin, before = time.monotonic(), processor_time()
        try:
            rows = compare(name, model, arguments.programs)
        except Exception:  # The other comparisons run all the same.
            traceback.print_exc()
            rows, passed = [], False
        seconds = f"{time.monotonic() - begin:.0f} s, {processor_time() - before:.0f} s of CPU time"
        print(f"{name}: {seconds}", file=sys.stderr)
        if rows is None:
            print(f"{name}: left out, --programs has no {COMPARISONS[name]}", file=sys.stderr)
        elif rows:
            passed &= all(row.passed for row in rows)
            text = table(rows)
            print(text, flush=True)
            if arguments.write:
                page.write("conformance.md", f"{datetime.date.today()}:\n\n{text}", name)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
