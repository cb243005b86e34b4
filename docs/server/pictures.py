#!/usr/bin/env python3
"""Draws the pictures of the window: the server's page in a browser.

Needs playwright (Python) and a Chromium.
Usage: docs/server/pictures.py BROWSER smollm2=FILE small=FILE
with SmolLM2 135M and a copy of it from `vidrio quantize --type Q4_0`.
"""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGES = Path(__file__).resolve().parent
ROOT = PAGES.parent.parent


def open_page(browser, address, color_scheme, height):
    """Opens the page with greedy decoding and answers of 60 tokens."""
    page = browser.new_page(viewport={"width": 1180, "height": height}, color_scheme=color_scheme)
    page.goto(address)
    page.locator("#steering-layer option").first.wait_for(state="attached")
    page.locator("#settings summary").click()
    page.locator("#temperature").fill("0")
    page.locator("#max-tokens").fill("60")
    page.keyboard.press("Escape")
    return page


def send(page, message):
    """Sends a message and waits for the end of the answer."""
    page.locator("#text").fill(message)
    page.keyboard.press("Enter")
    page.locator("#stop:enabled").wait_for()
    page.locator("#send:enabled").wait_for()


def inspect(page, token):
    """Points at the last occurrence of a token of an answer and waits for its inspection."""
    page.locator("#messages .token", has_text=re.compile(token)).last.hover()
    page.locator("#attribution .tokens").wait_for()  # the last part


def draw_inspection(browser, address):
    """Draws an answer and the inspection of one of its tokens."""
    page = open_page(browser, address, "light", 1120)
    send(page, "Why is the sky blue?")
    page.locator("#color").select_option("probability")
    inspect(page, "Ray")
    page.screenshot(path=PAGES / "window.png")


def draw_steering(browser, address):
    """Draws an answer without and with steering, side by side."""
    page = open_page(browser, address, "dark", 900)
    send(page, "How was your day?")
    page.locator("#plus").fill("I love the sea and the waves")
    page.locator("#minus").fill("I hate the office and the desk")
    page.locator("#strength").fill("0.6")
    page.get_by_text("Again", exact=True).click()
    page.get_by_text("2 / 2").wait_for()
    page.locator("#send:enabled").wait_for()
    page.get_by_text("Compare").click()
    page.locator(".compared .token[title^=KL]").first.wait_for(timeout=300_000)
    inspect(page, "sea|sail")
    page.screenshot(path=PAGES / "window-steering.png")


def draw_graph(browser, address):
    """Draws the attribution graph of a token of an answer."""
    page = open_page(browser, address, "light", 1120)
    send(page, "Why is the sky blue?")
    inspect(page, "Ray")
    page.locator("#method").select_option("Attribution graph")
    page.locator("#explore-run").click()
    page.locator("#explored svg").wait_for(timeout=300_000)
    page.locator("#explore").screenshot(path=PAGES / "window-explore.png")


def draw_patching(browser, address):
    """Draws how activations of another prompt move a token, and the answer with one of them."""
    page = open_page(browser, address, "light", 1120)
    send(page, "Complete: The capital of France is")
    inspect(page, "France")
    page.locator("#method").select_option("Patching from another prompt")
    page.locator("#other-prompt").fill("Complete: The capital of Spain is")
    page.locator("#explore-run").click()
    page.locator("#explored td").first.wait_for(timeout=300_000)
    page.locator("#explored td[aria-label*='L10'][aria-label*='France']").first.click()
    page.locator("#explore").screenshot(path=PAGES / "window-patching.png")


def draw_models(browser, address):
    """Draws the answers of two models, colored by their differences."""
    page = open_page(browser, address, "dark", 700)
    page.locator("#second-model").select_option("small")
    send(page, "Why is the sky blue?")
    page.locator(".compared .token[title^=KL]").first.wait_for(timeout=300_000)
    page.locator(".answer .said").last.locator(".token.parts").first.hover()
    page.locator("#attribution .tokens").wait_for()
    page.screenshot(path=PAGES / "window-models.png")


def main():
    browser_path, *pairs = sys.argv[1:]
    models = [argument for pair in pairs for argument in ("-m", pair)]
    command = [ROOT / "vidrio", "serve", *models, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            draw_inspection(browser, address)
            draw_steering(browser, address)
            draw_graph(browser, address)
            draw_patching(browser, address)
            draw_models(browser, address)
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
