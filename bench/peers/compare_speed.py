"""Compares the speed of Vidrio and of llama.cpp on one model, run alternately.

    python compare_speed.py MODEL.gguf --llama DIRECTORY [--tests pp512 tg128 pp512@4096 tg64x16 ...]

A test is pp<N>, a prompt of N tokens, or tg<N>, the generation of N tokens one by one; @<D> puts D
tokens before them, x<S> generates for S sequences together and counts the tokens of all. Tests of
one sequence run llama-bench, the others llama-batched-bench.

In a round both engines run each test once, one right after the other, in turning order. A ratio is
taken within such a pair, so that what slows the whole machine for a while counts against both.
Prints the medians of both and of the ratio, with the ratio's range. The machine must be idle: the
load average before each round is printed too.

Needs nothing beyond Python. The programs of llama.cpp must be of a release build for this machine.
"""

import argparse
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import vidrio

DEFAULT_TESTS = ["pp512", "tg128", "pp512@4096", "tg64@4096", "tg64x4", "tg64x16", "tg64x32"]


@dataclass(frozen=True)
class Test:
    """What is measured: `tokens` of a prompt or of each sequence, after `depth` others."""

    name: str
    prompt: bool
    tokens: int
    depth: int
    sequences: int

    @staticmethod
    def parse(text: str) -> "Test":
        match = re.fullmatch(r"(pp|tg)([1-9]\d*)(?:@(\d+))?(?:x([1-9]\d*))?", text)
        if match is None or (match[1] == "pp" and match[4] is not None):
            raise argparse.ArgumentTypeError(
                f"{text}: must be pp<N>[@<D>] or tg<N>[@<D>][x<S>], as in pp512@4096 or tg64x16"
            )
        return Test(text, match[1] == "pp", int(match[2]), int(match[3] or 0), int(match[4] or 1))


def llama(arguments, program: str, *options: str) -> str:
    """Returns the output of a program of llama.cpp; raises ValueError with its error when it fails."""
    command = [str(Path(arguments.llama) / program), "-m", arguments.model, *options]
    if arguments.threads is not None:
        command += ["-t", str(arguments.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"{command[0]} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.stdout


def run_llama(arguments, test: Test) -> float:
    """Returns llama.cpp's tokens per second."""
    if test.sequences == 1:
        lengths = ["-p", str(test.tokens if test.prompt else 0)]
        lengths += ["-n", str(0 if test.prompt else test.tokens), "-d", str(test.depth)]
        return json.loads(llama(arguments, "llama-bench", "-r", "1", "-o", "json", *lengths))[0][
            "avg_ts"
        ]
    before = max(1, test.depth)  # llama-batched-bench wants a prompt
    context = test.sequences * (before + test.tokens)
    lengths = ["-npp", str(before), "-ntg", str(test.tokens), "-npl", str(test.sequences)]
    out = llama(
        arguments, "llama-batched-bench", "-c", str(context), "--output-format", "jsonl", *lengths
    )
    lines = [line for line in out.splitlines() if line.startswith("{")]
    return json.loads(lines[-1])["speed_tg"]


def run_vidrio(arguments, test: Test) -> float:
    """Returns Vidrio's tokens per second."""
    command = ["bench", "-m", arguments.model, "-r", "1", "--json", "-d", str(test.depth)]
    command += ["-p", str(test.tokens if test.prompt else 0)]
    command += ["-n", str(0 if test.prompt else test.tokens), "-b", str(test.sequences)]
    return json.loads(vidrio.run(arguments, *command))["results"][0]["tokens_per_second"]


ENGINES = {"llama.cpp": run_llama, "vidrio": run_vidrio}


def measure(arguments) -> dict[str, dict[str, list[float]]]:
    """Returns {test: {engine: [tokens per second of each round]}}."""
    results = {test.name: {name: [] for name in ENGINES} for test in arguments.tests}
    for i in range(arguments.rounds):
        print(f"round {i + 1}: load average {os.getloadavg()[0]:.2f}", flush=True)
        for test in arguments.tests:
            for name in list(ENGINES) if i % 2 == 0 else reversed(ENGINES):
                results[test.name][name].append(ENGINES[name](arguments, test))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares the speed of Vidrio and of llama.cpp, run alternately."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument(
        "--llama", required=True, help="directory of llama-bench and llama-batched-bench"
    )
    parser.add_argument(
        "--tests", nargs="+", type=Test.parse, default=[Test.parse(t) for t in DEFAULT_TESTS],
        help=f"what to measure (default: {' '.join(DEFAULT_TESTS)})",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--json", help="also write all numbers to this file")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    try:
        if arguments.rounds < 1:
            raise ValueError(f"--rounds is {arguments.rounds}, must be at least 1")
        results = measure(arguments)
        if arguments.json is not None:
            whole = {"model": Path(arguments.model).name, "tokens_per_second": results}
            Path(arguments.json).write_text(json.dumps(whole, indent=1) + "\n")
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(
        f"{'test':12} {'llama.cpp':>10} {'vidrio':>10} {'ratio':>7}   range of the ratio, tokens/s"
    )
    for test, engines in results.items():
        ratios = [our / their for our, their in zip(engines["vidrio"], engines["llama.cpp"])]
        print(
            f"{test:12} {median(engines['llama.cpp']):10.1f} {median(engines['vidrio']):10.1f}"
            f" {median(ratios):7.2f}   {min(ratios):.2f} to {max(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
