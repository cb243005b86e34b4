#!/usr/bin/env python3
"""Measures the window in a headless browser: its first paint, and the time from pointing at a token
of an answer until the glass shows it.

The parts of the glass are requested one after the other, and include the delay before the first
request. The first tokens are not counted: the server's code is compiled meanwhile.

Needs playwright (Python) and a Chromium. The model needs a chat template.
Usage: bench/window/speed.py BROWSER MODEL.gguf [ROUNDS]
"""

import re
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
QUESTION = "Why is the sky blue?"
TOKENS = 64
WARM_UP = 8

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

# The parts of the glass, each with what it has once it is shown.
PARTS = {"logit lens": "#logits td", "attention": "#attention .tokens", "attribution": "#attribution .tokens"}

# Points at a token; resolves to the milliseconds until each part is shown, to the end of its frame.
GLASS = """
([index, selectors]) => new Promise(resolve => {
  const times = {};
  const start = performance.now();
  const observer = new MutationObserver(() => {
    for (const [name, selector] of Object.entries(selectors)) {
      if (!(name in times) && document.querySelector(selector)) {
        times[name] = 0;
        requestAnimationFrame(() => setTimeout(() => {
          times[name] = performance.now() - start;
          if (Object.keys(times).length === Object.keys(selectors).length && Object.values(times).every(t => t > 0)) {
            observer.disconnect();
            resolve(times);
          }
        }));
      }
    }
  });
  const token = document.querySelectorAll('.answer .token')[index];
  token.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
  observer.observe(document.getElementById('glass'), { childList: true, subtree: true });
})
"""


def first_paint(browser, address):
    """Returns the milliseconds until the first content of the page, with an empty cache."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(FIRST_PAINT.split("[0]")[0] + ".length")
    milliseconds = page.evaluate(FIRST_PAINT)
    context.close()
    return milliseconds


def glass(browser, address, rounds):
    """Returns the milliseconds of the parts of each token, and of tokens that are shown again."""
    page = browser.new_page()
    page.goto(address)
    page.locator("#steering-layer option").first.wait_for(state="attached")
    page.locator("#settings summary").click()
    page.locator("#temperature").fill("0")
    page.locator("#max-tokens").fill(str(TOKENS))
    page.keyboard.press("Escape")
    page.locator("#text").fill(QUESTION)
    page.keyboard.press("Enter")
    page.locator("#stop:enabled").wait_for()
    page.locator("#send:enabled").wait_for()
    count = page.locator(".answer .token").count()
    spread = [count * i // (rounds + WARM_UP) for i in range(rounds + WARM_UP)]
    # The tokens that warm up are spread over the answer too.
    warming = spread[:: len(spread) // WARM_UP][:WARM_UP]
    measured = [i for i in spread if i not in warming]
    for i in warming:
        page.evaluate(GLASS, [i, PARTS])
    first = [page.evaluate(GLASS, [i, PARTS]) for i in measured]
    return first, [page.evaluate(GLASS, [i, PARTS]) for i in measured]


def report(name, times):
    print(f"{name}: median {statistics.median(times):.0f} ms, maximum {max(times):.0f} ms of {len(times)}")


def main():
    browser_path, model, *more = sys.argv[1:]
    rounds = int(more[0]) if more else 12
    command = [ROOT / "vidrio", "serve", "-m", model, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            report("first paint", [first_paint(browser, address) for _ in range(rounds)])
            first, again = glass(browser, address, rounds)
            for name in PARTS:
                report(f"glass of a token, {name}", [times[name] for times in first])
            report("glass of a token, again", [max(times.values()) for times in again])
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
