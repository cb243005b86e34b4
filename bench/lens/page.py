"""Writes tables into the pages of docs/lens."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import vidrio  # noqa: E402

PAGES = vidrio.LAUNCHER.parent / "docs/lens"
BEGIN, END = "<!-- begin of the table -->\n", "<!-- end of the table -->"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Returns rows as a table in Markdown."""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(head + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write(name: str, text: str) -> None:
    """Replaces what a page has between its marks."""
    page = PAGES / name
    head, rest = page.read_text().split(BEGIN)
    page.write_text(head + BEGIN + text + END + rest.split(END)[1])
