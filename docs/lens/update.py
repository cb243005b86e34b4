#!/usr/bin/env python3
"""Runs the commands of the tour's pages and writes what they print below them.

    docs/lens/update.py smollm2=smollm2.gguf [--pages circuits.md,probing.md]

NAME=FILE gives the GGUF file of a model's name. Commands on models without a file are left as they
are, and so are those that fail, which are listed at the end: the exit code is then 1. With --no-bard
commands on the embedded model are left as they are, too, since tests rerun them.
"""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).resolve().parent
ROOT = PAGES.parent.parent
BLOCK = re.compile(r"^```console\n\$ \./vidrio ([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# The name of the embedded model, which needs no file.
EMBEDDED = "bard"


class Pages:
    """Runs commands of pages with files for the names of models."""

    def __init__(self, command: str, models: dict[str, str], embedded: bool):
        self.command, self.models = command, models
        # Models with commands to be rerun.
        self.rerun = {EMBEDDED, *models} if embedded else set(models)
        self.failed: list[str] = []

    def output(self, match: re.Match) -> str:
        words = shlex.split(match[1])
        name = words[words.index("-m") + 1] if "-m" in words else EMBEDDED
        if name not in self.rerun:
            return match[0]
        arguments = [self.models.get(word, word) for word in words]
        done = subprocess.run([self.command, *arguments], capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            self.failed.append(f"{match[1]}\n{done.stderr}")
            return match[0]
        return f"```console\n$ ./vidrio {match[1]}\n{done.stdout}```"

    def update(self, page: Path) -> None:
        page.write_text(BLOCK.sub(self.output, page.read_text()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--pages", help="names of pages, separated by commas (default: all)")
    parser.add_argument("--no-bard", action="store_true", help="only the models with files")
    parser.add_argument("--vidrio", default=str(ROOT / "vidrio"), help="the command")
    arguments = parser.parse_args()
    models = dict(model.split("=", 1) for model in arguments.models)
    pages = Pages(arguments.vidrio, models, not arguments.no_bard)
    names = arguments.pages.split(",") if arguments.pages else [p.name for p in PAGES.glob("*.md")]
    for name in sorted(names):
        pages.update(PAGES / name)
    for failure in pages.failed:
        print(failure, file=sys.stderr)
    return 1 if pages.failed else 0


if __name__ == "__main__":
    sys.exit(main())
