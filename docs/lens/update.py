#!/usr/bin/env python3
"""Runs the commands of the tour's pages and writes what they print below them.

Usage: docs/lens/update.py [NAME=FILE ...]   (a GGUF file for a model's name, such as smollm2)
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).resolve().parent
ROOT = PAGES.parent.parent
BLOCK = re.compile(r"^```console\n\$ \./vidrio ([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main():
    models = dict(argument.split("=", 1) for argument in sys.argv[1:])

    def output(match):
        arguments = [models.get(word, word) for word in shlex.split(match[1])]
        printed = subprocess.run(
            [ROOT / "vidrio", *arguments], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout
        return f"```console\n$ ./vidrio {match[1]}\n{printed}```"

    for page in sorted(PAGES.glob("*.md")):
        page.write_text(BLOCK.sub(output, page.read_text()))


if __name__ == "__main__":
    main()
