"""Measures the attribution of an answer to its input: `vidrio lens attribute --answer` and inseq.

    python answer_speed.py smollm2.gguf

Gradient × input of 30 tokens of an answer after 200 tokens of a prompt. Vidrio runs the file as it
is, in a process of its own, and its start counts; --fast and --fast-arithmetic bf16 are its
approximate gradients. inseq runs the dequantized F32 weights with transformers, without the time of
opening them, on one thread unless -t is given, since threads that wait for others count as CPU
time. Prints CPU time of all threads and wall time: of alternating rounds the fastest by CPU time.

Needs the packages of requirements.txt in this directory.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import inseq
import page
import torch
from models import Model, dequantized, vidrio
from row import program
from transformers import AutoTokenizer

TEXT = vidrio.LAUNCHER.parent / "docs/numerics.md"
PROMPT, ANSWER = 200, 30

# The gradients of Vidrio and their options.
GRADIENTS = {
    "Vidrio": (),
    "Vidrio, `--fast`": ("--fast",),
    "Vidrio, `--fast-arithmetic bf16`": ("--fast-arithmetic", "bf16"),
}


def measure(arguments, prompt: str, answer: str, *options: str) -> tuple[float, float]:
    """Returns the CPU seconds and the seconds of Vidrio."""
    command = ("lens", "attribute", "-m", arguments.model, "--json", *options)
    command += ("--method", "grad_x_input", "-p", prompt, "--answer", answer)
    measured = vidrio.measure(arguments, *command)
    count = len(json.loads(measured.output)["scores"])
    if count != ANSWER:
        raise ValueError(f"the answer has {count} tokens, not {ANSWER}")
    return measured.cpu, measured.seconds


def measure_inseq(peer, prompt: str, answer: str) -> tuple[float, float]:
    """Returns the CPU seconds and the seconds of inseq."""
    cpu, start = time.process_time(), time.perf_counter()
    peer.attribute(
        prompt,
        prompt + answer,
        attributed_fn="logit",
        attribute_target=True,
        show_progress=False,
    )
    return time.process_time() - cpu, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file of the architecture llama, such as SmolLM2")
    parser.add_argument("--rounds", type=int, default=1)
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads or 1)
    floats = Model(dequantized(arguments.model, arguments), arguments)
    directory, name = Path(floats.path).parent, Path(floats.path).name
    tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=name)
    tokens = tokenizer.encode(TEXT.read_text())[: PROMPT + ANSWER]
    prompt, answer = tokenizer.decode(tokens[:PROMPT]), tokenizer.decode(tokens[PROMPT:])
    peer = inseq.load_model(floats.transformers(), "input_x_gradient", tokenizer=tokenizer)
    measured = {title: [] for title in (*GRADIENTS, program("inseq"))}
    for _ in range(arguments.rounds):
        for title, options in GRADIENTS.items():
            measured[title].append(measure(arguments, prompt, answer, *options))
        measured[program("inseq")].append(measure_inseq(peer, prompt, answer))
    fastest = {title: min(times) for title, times in measured.items()}
    last = fastest[program("inseq")][0]
    rows = [[title, f"{cpu:.1f}", f"{wall:.1f}", f"{last / cpu:.1f}"] for title, (cpu, wall) in fastest.items()]
    print(page.table(["program", "CPU s", "s", "inseq's CPU s ÷ its own"], rows), end="")


if __name__ == "__main__":
    main()
