#!/usr/bin/env python3
"""Draws the tour's pictures: pages of the lens as a browser shows them.

Needs playwright (Python) and a Chromium.
Usage: docs/lens/pictures.py BROWSER smollm2=FILE
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGES = Path(__file__).resolve().parent
ROOT = PAGES.parent.parent
CAPITALS = ["-p", "The capital of France is Paris. The capital of Spain is"]
NAMES = [
    "--clean", "When Mary and John went to the store, John gave a drink to",
    "--corrupt", "When Mary and John went to the store, Mary gave a drink to",
    "--answer", " Mary", "--wrong", " John",
]  # fmt: skip
MADRID = ["--token", " Madrid", "--versus", " Paris"]

# What is drawn, what of the page is shown, and what is pressed before.
PICTURES = {
    "logits": (["logits", *CAPITALS], "section .scroll", None),
    "attention": (
        ["attention", "-p", "one apple two pears one apple two", "--layer", "18"],
        "section",
        ".heads td:nth-of-type(7) button",
    ),
    "attribute": (["attribute", *CAPITALS, *MADRID, "--method", "cp_lrp"], "section", None),
    "routes": (["routes", *CAPITALS], "section svg", None),
    "patch": (["patch", *NAMES], "section .scroll", None),
    "circuit": (["circuit", *NAMES, "--candidates", "200"], "section svg", None),
}


def main():
    browser_path, *pairs = sys.argv[1:]
    model = dict(pair.split("=", 1) for pair in pairs)["smollm2"]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as directory:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for name, (arguments, shown, pressed) in PICTURES.items():
            page = Path(directory) / f"{name}.html"
            command = [ROOT / "vidrio", "lens", *arguments, "-m", model, "-o", page]
            subprocess.run(command, check=True, capture_output=True)
            tab = browser.new_page(viewport={"width": 1100, "height": 2000})
            tab.goto(page.as_uri())
            if pressed:
                tab.click(pressed)
            tab.locator(shown).first.screenshot(path=PAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
