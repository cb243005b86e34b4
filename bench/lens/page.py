"""Writes tables into the pages of docs/lens."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import vidrio  # noqa: E402

PAGES = vidrio.LAUNCHER.parent / "docs/lens"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Returns rows as a table in Markdown."""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(head + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write(name: str, text: str, part: str = "the table") -> None:
    """Replaces what a page has between the marks of a part."""
    page = PAGES / name
    begin, end = f"<!-- begin of {part} -->\n", f"<!-- end of {part} -->"
    head, rest = page.read_text().split(begin)
    page.write_text(head + begin + text + end + rest.split(end)[1])
