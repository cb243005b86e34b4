"""Compares `vidrio serve` with llama-server on one model, run alternately, under the same load.

    python compare_serve.py MODEL.gguf --llama DIRECTORY [--tests 16x128+128 16x512s128+128 ...]
                            [--serve=--arithmetic=bf16 ...]

A test is <U>x[<S>s]<P>+<N>: U users at a time, prompts of P tokens, after S tokens that all prompts
share, and answers of N tokens. `vidrio bench serve` is the client of both; it runs on the same
machine and takes its part of it. In a round each server is started, warmed up and measured, one
right after the other, in turning order; ratios are taken within such a pair. llama-server gets as
many slots as there are users, and room for all of them.

Prints each result when it is measured, and at the end the medians of tokens per second and of
the 99th percentile of the time between two tokens. Needs nothing beyond Python. The machine must be
idle.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import vidrio

DEFAULT_TESTS = ["16x128+128", "32x128+128", "16x512s128+128"]
START_SECONDS = 120
READY = {"llama-server": "health", "vidrio": "ready"}  # 503 while the model loads
ATTEMPTS = 3  # llama-server drops a request now and then, of a connection that it has ended


@dataclass(frozen=True)
class Test:
    """A load."""

    name: str
    users: int
    prefix: int
    prompt: int
    tokens: int

    @staticmethod
    def parse(text: str) -> "Test":
        match = re.fullmatch(r"([1-9]\d*)x(?:([1-9]\d*)s)?([1-9]\d*)\+([1-9]\d*)", text)
        if match is None:
            raise argparse.ArgumentTypeError(
                f"{text}: must be <U>x[<S>s]<P>+<N>, as in 16x128+128 or 16x512s128+128"
            )
        return Test(text, int(match[1]), int(match[2] or 0), int(match[3]), int(match[4]))

    @property
    def positions(self) -> int:
        return self.prefix + self.prompt + self.tokens


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(arguments, engine: str, test: Test, port: int) -> list[str]:
    threads = [] if arguments.threads is None else ["-t", str(arguments.threads)]
    if engine == "vidrio":
        return [
            arguments.vidrio, "serve", "-m", arguments.model, "--port", str(port),
            "--parallel", str(test.users), *threads, *arguments.serve,
        ]  # fmt: skip
    context = test.users * (test.positions + 64)
    return [
        str(Path(arguments.llama) / "llama-server"), "-m", arguments.model, "--port", str(port),
        "-np", str(test.users), "-c", str(context), *threads,
    ]  # fmt: skip


@contextlib.contextmanager
def server(arguments, engine: str, test: Test):
    """Runs a server; gives its URL when it is ready."""
    port = free_port()
    process = subprocess.Popen(
        command(arguments, engine, test, port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ValueError(f"{engine} does not start: {process.args}")
            try:
                with urllib.request.urlopen(f"{url}/{READY[engine]}", timeout=5):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def measure(arguments, engine: str, test: Test) -> dict:
    """The result of a load in which no request is lost."""
    for _ in range(ATTEMPTS):
        result = load(arguments, engine, test)
        if result["failed"] == 0 and result["refused"] == 0:
            print(
                f"{test.name} {engine}: {result['tokens_per_second']:.1f} tokens/s,"
                f" p99 {result['itl_ms']['p99']:.1f} ms",
                flush=True,
            )
            return result
        print(f"{engine}: {result['failed']} failed, {result['refused']} refused", flush=True)
    raise ValueError(f"{engine}: requests are lost, each of {ATTEMPTS} times")


def load(arguments, engine: str, test: Test) -> dict:
    with server(arguments, engine, test) as url:
        options = ["--users", str(test.users), "--prefix", str(test.prefix)]
        options += ["-p", str(test.prompt), "-n", str(test.tokens), "--json"]
        options += ["--warm-up", str(2 * test.users), "--requests", str(arguments.requests)]
        done = subprocess.run(
            [arguments.vidrio, "bench", "serve", "--url", url, *options],
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        raise ValueError(f"bench serve failed against {engine}: {done.stderr.strip()}")
    return json.loads(done.stdout)


ENGINES = ["llama-server", "vidrio"]


def rounds(arguments) -> dict[str, dict[str, list[dict]]]:
    """Returns {test: {engine: [result of each round]}}."""
    results = {test.name: {name: [] for name in ENGINES} for test in arguments.tests}
    for i in range(arguments.rounds):
        print(f"round {i + 1}: load average {os.getloadavg()[0]:.2f}", flush=True)
        for test in arguments.tests:
            for name in ENGINES if i % 2 == 0 else reversed(ENGINES):
                results[test.name][name].append(measure(arguments, name, test))
    return results


def report(results) -> None:
    print(
        f"{'test':16} {'llama-server':>12} {'vidrio':>9} {'ratio':>6}  range"
        f" {'':5} {'p99 itl, ms':>12} {'vidrio':>9}"
    )
    for test, engines in results.items():
        rates = {
            name: [run["tokens_per_second"] for run in runs] for name, runs in engines.items()
        }
        gaps = {
            name: median(run["itl_ms"]["p99"] for run in runs) for name, runs in engines.items()
        }
        ratios = [our / their for our, their in zip(rates["vidrio"], rates["llama-server"])]
        print(
            f"{test:16} {median(rates['llama-server']):12.1f} {median(rates['vidrio']):9.1f}"
            f" {median(ratios):6.2f}  {min(ratios):.2f} to {max(ratios):.2f}"
            f" {gaps['llama-server']:12.1f} {gaps['vidrio']:9.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares vidrio serve with llama-server under the same load, alternately."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--llama", required=True, help="directory of llama-server")
    parser.add_argument(
        "--tests", nargs="+", type=Test.parse, default=[Test.parse(t) for t in DEFAULT_TESTS],
        help=f"what to measure (default: {' '.join(DEFAULT_TESTS)})",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--requests", type=int, default=64, help="requests (default 64)")
    parser.add_argument(
        "--serve", action="append", default=[], metavar="OPTION",
        help="start Vidrio with this option, as in --serve=--arithmetic=bf16; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", help="also write all numbers to this file")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    try:
        if arguments.rounds < 1:
            raise ValueError(f"--rounds is {arguments.rounds}, must be at least 1")
        results = rounds(arguments)
        if arguments.json is not None:
            whole = {"model": Path(arguments.model).name, "results": results}
            Path(arguments.json).write_text(json.dumps(whole, indent=1) + "\n")
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    report(results)


if __name__ == "__main__":
    main()
