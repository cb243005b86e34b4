"""Compares the methods of `vidrio lens` with the programs that the field uses for them.

    python conformance.py smollm2.gguf --programs DIRECTORY --write

Each method runs on the F32 weights of the file (dequantized into a second file the first time) and
once more in another program on the same weights. Prints a table of all comparisons, with the
versions of the programs; --write also writes it to docs/lens/conformance.md. Exits with 1 if a row
is beyond its bar.

DIRECTORY has checkouts of the programs that are in no registry: EAP-IG (hannamw),
circuit-tracer (safety-research), logit-explanations (mt-upc),
llm-transparency-tool (facebookresearch) and rlace-icml (shauli-ravfogel). Comparisons that need one that is missing are left out, and named.

Needs the packages of requirements.txt in this directory.
"""

import argparse
import datetime
import importlib
import sys
import time
from pathlib import Path

import page
from models import Model, dequantized, vidrio
from row import Row

# The modules with comparisons, and the checkout that each needs.
COMPARISONS = {
    "activations": None,
    "patching": None,
    "components": None,
    "composition": None,
    "corpus": None,
    "relevance": None,
    "answers": None,
    "masks": None,
    "rewriting": None,
    "tuning": None,
    "alignment": None,
    "erasure": "rlace-icml",
    "circuits": "EAP-IG",
    "graphs": "circuit-tracer",
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
    rows: list[Row] = []
    for name in names:
        start = time.monotonic()
        module = importlib.import_module(name)
        needed = COMPARISONS[name]
        if needed is None:
            found = module.check(model)
        elif arguments.programs and (arguments.programs / needed).is_dir():
            found = module.check(model, str((arguments.programs / needed).resolve()))
        else:
            print(f"{name}: left out, --programs has no {needed}", file=sys.stderr)
            continue
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
        rows += found
    text = table(rows)
    print(text, end="")
    if arguments.write:
        title = f"{Path(arguments.model).name}, dequantized to F32, {datetime.date.today()}:"
        page.write("conformance.md", f"{title}\n\n{text}")
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
