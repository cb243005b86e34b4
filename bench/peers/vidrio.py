"""Runs the vidrio command for the scripts of this directory."""

import os
import subprocess
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[2] / "vidrio"


def program(command: str) -> str:
    """Returns a command that also works in another directory."""
    return os.path.abspath(command) if os.sep in command else command


def add_options(parser: ArgumentParser) -> None:
    """Adds the options that say which vidrio runs, and how."""
    parser.add_argument(
        "--vidrio", type=program, default=str(LAUNCHER),
        help="the command (default: of this source tree)",
    )  # fmt: skip
    parser.add_argument("-t", "--threads", type=int, help="threads (default: each engine's own)")


def command_line(arguments, command: tuple[str, ...]) -> list[str]:
    """Returns a vidrio command with the options that add_options added."""
    threads = [] if arguments.threads is None else ["-t", str(arguments.threads)]
    return [arguments.vidrio, *command, *threads]


def run(arguments, *command: str) -> str:
    """Returns the output of a vidrio command; raises ValueError with its error when it fails."""
    done = subprocess.run(command_line(arguments, command), capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(
            f"{arguments.vidrio} {command[0]} failed ({done.returncode}): {done.stderr.strip()}"
        )
    return done.stdout


@dataclass(frozen=True)
class Measured:
    """The output of a process, its seconds, CPU seconds of all threads, and peak of memory in MiB."""

    output: str
    seconds: float
    cpu: float
    peak: float


def measure(arguments, *command: str) -> Measured:
    """Runs a vidrio command in a process of its own; its start counts."""
    start = time.perf_counter()
    process = subprocess.Popen(command_line(arguments, command), stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise ValueError(f"{arguments.vidrio} {' '.join(command)} failed ({status})")
    return Measured(output, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
