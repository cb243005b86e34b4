"""Measures the attribution of an answer to its input: `vidrio lens attribute --answer` and inseq.

    python answer_speed.py smollm2.gguf

Gradient × input of 30 tokens of an answer after 200 tokens of a prompt. Vidrio runs the file as it
is, in a process of its own whose start counts; --fast is its approximate gradient. inseq runs the
dequantized F32 weights with transformers, without the time of opening them, on one thread unless -t
is given, since threads that wait for others count as CPU time. Prints CPU time of all threads.

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


def measure(arguments, prompt: str, answer: str, *options: str) -> tuple[float, int]:
    """Returns the CPU seconds of Vidrio and the number of rows of its result."""
    threads = [] if arguments.threads is None else ["-t", str(arguments.threads)]
    command = [arguments.vidrio, "lens", "attribute", "-m", arguments.model, "--json", *options]
    command += ["--method", "grad_x_input", "-p", prompt, "--answer", answer, *threads]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise ValueError(f"lens attribute failed ({status})")
    return usage.ru_utime + usage.ru_stime, len(json.loads(output)["scores"])


def measure_inseq(model: Model, tokenizer, prompt: str, answer: str) -> float:
    """Returns the CPU seconds of inseq."""
    peer = inseq.load_model(model.transformers(), "input_x_gradient", tokenizer=tokenizer)
    start = time.process_time()
    peer.attribute(
        prompt,
        prompt + answer,
        attributed_fn="logit",
        attribute_target=True,
        show_progress=False,
    )
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file of the architecture llama, such as SmolLM2")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads or 1)
    floats = Model(dequantized(arguments.model, arguments), arguments)
    directory, name = Path(floats.path).parent, Path(floats.path).name
    tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=name)
    tokens = tokenizer.encode(TEXT.read_text())[: PROMPT + ANSWER]
    prompt, answer = tokenizer.decode(tokens[:PROMPT]), tokenizer.decode(tokens[PROMPT:])
    rows = []
    for title, options in {"Vidrio": (), "Vidrio, `--fast`": ("--fast",)}.items():
        seconds, count = measure(arguments, prompt, answer, *options)
        rows.append([title, str(count), f"{seconds:.1f}"])
    rows.append(
        [program("inseq"), str(ANSWER), f"{measure_inseq(floats, tokenizer, prompt, answer):.1f}"]
    )
    print(page.table(["program", "tokens of the answer", "CPU s"], rows), end="")


if __name__ == "__main__":
    main()
