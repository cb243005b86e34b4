"""Runs the vidrio command for the scripts of this directory."""

import subprocess
from argparse import ArgumentParser
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[2] / "vidrio"


def add_options(parser: ArgumentParser) -> None:
    """Adds the options that say which vidrio runs, and how."""
    parser.add_argument(
        "--vidrio", default=str(LAUNCHER), help="the command (default: of this source tree)"
    )
    parser.add_argument("-t", "--threads", type=int, help="threads (default: each engine's own)")


def run(arguments, *command: str) -> str:
    """Returns the output of a vidrio command; raises ValueError with its error when it fails."""
    threads = [] if arguments.threads is None else ["-t", str(arguments.threads)]
    done = subprocess.run([arguments.vidrio, *command, *threads], capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(
            f"{arguments.vidrio} {command[0]} failed ({done.returncode}): {done.stderr.strip()}"
        )
    return done.stdout
