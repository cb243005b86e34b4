"""Compares the speed of Vidrio and of llama.cpp on one model, run alternately.

    python compare_speed.py MODEL.gguf --llama-bench PATH [--rounds 5]

A round is one run of llama-bench and one of `vidrio bench`, a prompt and a generation each, in
turning order. A ratio is taken within a round, so that what slows the whole machine for a while
counts against both. Prints the medians of both and of the ratio, with the ratio's range. The
machine must be idle: the load average before each round is printed too.

Needs nothing beyond Python. llama-bench must be of a release build for this very machine.
"""

import argparse
import json
import os
import subprocess
from statistics import median

import vidrio


def llama_bench(arguments) -> dict[str, float]:
    """Returns llama-bench's tokens per second by test."""
    command = [arguments.llama_bench, "-m", arguments.model, "-r", "1", "-o", "json"]
    command += [
        "-p",
        str(arguments.prompt),
        "-n",
        str(arguments.tokens),
        "-d",
        str(arguments.depth),
    ]
    if arguments.threads is not None:
        command += ["-t", str(arguments.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(
            f"{arguments.llama_bench} failed ({done.returncode}): {done.stderr.strip()[-500:]}"
        )
    return {
        f"pp{result['n_prompt']}" if result["n_prompt"] else f"tg{result['n_gen']}": result[
            "avg_ts"
        ]
        for result in json.loads(done.stdout)
    }


def vidrio_bench(arguments) -> dict[str, float]:
    """Returns Vidrio's tokens per second by test."""
    command = ["bench", "-m", arguments.model, "-r", "1", "--json"]
    command += [
        "-p",
        str(arguments.prompt),
        "-n",
        str(arguments.tokens),
        "-d",
        str(arguments.depth),
    ]
    results = json.loads(vidrio.run(arguments, *command))["results"]
    return {result["test"].split()[0]: result["tokens_per_second"] for result in results}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares the speed of Vidrio and of llama.cpp, run alternately."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--llama-bench", required=True, help="path of llama-bench")
    parser.add_argument(
        "-p", "--prompt", type=int, default=512, help="tokens of the prompt (default 512)"
    )
    parser.add_argument(
        "-n", "--tokens", type=int, default=128, help="tokens to generate (default 128)"
    )
    parser.add_argument(
        "-d", "--depth", type=int, default=0, help="tokens before either (default 0)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    engines = [("llama.cpp", llama_bench), ("vidrio", vidrio_bench)]
    rounds = []
    try:
        if arguments.rounds < 1:
            raise ValueError(f"--rounds is {arguments.rounds}, must be at least 1")
        for i in range(arguments.rounds):
            print(f"round {i + 1}: load average {os.getloadavg()[0]:.2f}", flush=True)
            order = engines if i % 2 == 0 else engines[::-1]
            rounds.append({name: run(arguments) for name, run in order})
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(
        f"{'test':8} {'llama.cpp':>12} {'vidrio':>12} {'ratio':>8}   range of the ratio, tokens/s"
    )
    for test in rounds[0]["vidrio"]:
        theirs, ours = (
            [results[name][test] for results in rounds] for name in ("llama.cpp", "vidrio")
        )
        ratios = [our / their for our, their in zip(ours, theirs)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"{test:8} {median(theirs):12.1f} {median(ours):12.1f} {median(ratios):8.2f}   {spread}"
        )


if __name__ == "__main__":
    main()
