"""Measures what a long prompt does to those who get tokens already.

    python long_prompt.py [--url URL] [--others 1 4 8] [--words 3600] [--rounds 3]

So many others stream answers from a server that speaks OpenAI's API. After a while one request
with a prompt of n words comes; it has a few more tokens than words. Prints, for each number of
others, the median over rounds of the 99th percentile of the time between two tokens before it came
and until it had its first token, and of their ratio. The server must be idle and warm. Needs
nothing beyond Python.
"""

import argparse
import json
import random
import threading
import time
import urllib.request
from statistics import median, quantiles

BEFORE_SECONDS = 4
WORDS = "the king of a land went to see an old friend and found that nobody was home".split()


def stream(url: str, model: str, prompt: str, tokens: int):
    """Gives the time of each piece of an answer."""
    body = {"model": model, "prompt": prompt, "max_tokens": tokens}
    body |= {"temperature": 0, "stream": True, "ignore_eos": True}
    request = urllib.request.Request(
        f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        for line in answer:
            if line.startswith(b"data: {"):
                yield time.perf_counter()


class Others:
    """Clients that stream answers until `stop` is called."""

    def __init__(self, url: str, model: str, count: int):
        self.gaps: list[tuple[float, float]] = []
        self.done = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(url, model, i)) for i in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, url: str, model: str, i: int) -> None:
        while not self.done.is_set():
            before = None
            for now in stream(url, model, f"User {i} tells the story of {7 * i} kings:", 1000):
                if before is not None:
                    self.gaps.append((now, now - before))
                before = now
                if self.done.is_set():
                    break

    def p99(self, begin: float, end: float) -> float:
        return quantiles([gap for now, gap in self.gaps if begin < now < end], n=100)[-1]

    def stop(self) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()


def measure(url: str, model: str, count: int, words: int, seed: int) -> tuple[float, float]:
    """Returns the percentiles before the long prompt and while it is read, in seconds."""
    prompt = " ".join(random.Random(seed).choices(WORDS, k=words))
    others = Others(url, model, count)
    try:
        time.sleep(BEFORE_SECONDS / 2)
        begin = time.perf_counter()
        time.sleep(BEFORE_SECONDS)
        came = time.perf_counter()
        first = next(stream(url, model, prompt, 1))
    finally:
        others.stop()
    return others.p99(begin, came), others.p99(came, first)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what a long prompt does to others.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--others", nargs="+", type=int, default=[1, 4, 8])
    parser.add_argument("--words", type=int, default=3600)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    url = arguments.url.rstrip("/")
    with urllib.request.urlopen(f"{url}/v1/models") as answer:
        model = json.load(answer)["data"][0]["id"]
    print(f"{'others':>6} {'before, ms':>11} {'during, ms':>11} {'ratio':>6}  range")
    for count in arguments.others:
        runs = [
            measure(url, model, count, arguments.words, 100 * count + i)
            for i in range(arguments.rounds)
        ]
        ratios = [during / before for before, during in runs]
        print(
            f"{count:6} {1000 * median(run[0] for run in runs):11.1f}"
            f" {1000 * median(run[1] for run in runs):11.1f}"
            f" {median(ratios):6.2f}  {min(ratios):.2f} to {max(ratios):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
