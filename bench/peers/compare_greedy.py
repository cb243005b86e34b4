"""Checks greedy continuations of ten prompts against a model's exact logits.

    python compare_greedy.py MODEL.gguf [--tokens 32] [--near-tie 0.3]

For each prompt, `vidrio run --temp 0` gives token ids. The forward pass of the dequantized weights,
as reference_logits.py has it, then reads prompt and ids, so that it judges every step by the same
tokens before it: the step is exact when the token has the highest logit. Otherwise its gap is how
much higher the highest one is. Engines with 8-bit activations, such as llama.cpp, swap
tokens that are nearly tied.
A mean KLD of 0.003, as compare_kld.py finds, is half the variance of the logits' errors: 0.08 is
their standard deviation, 0.11 that of a difference of two, and a gap of three times that,
the default of `--near-tie`, is no tie but a fault. llama.cpp's own continuation is judged in the
same way.

Prints for each prompt and engine the exact steps and the largest gap, and where the two
continuations part. Ends with 1 when Vidrio tokenizes a prompt otherwise than llama.cpp, or has a
gap that is no near-tie.

Needs the packages of requirements.txt.
"""

import argparse
import json

import numpy as np
from llama_cpp import Llama

import vidrio
from reference_logits import Reference, open_reference

PROMPTS = (
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    "Q: What is 17 + 25?\nA:",
    "The three primary colours are",
    "Le café est situé près de la gare, où",
    "1, 1, 2, 3, 5, 8, 13,",
    "東京は日本の",
    '{"name": "Ada Lovelace", "born": 1815, "occupation":',
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
)


def llama_cpp_ids(llama: Llama, prompt: list[int], count: int) -> list[int]:
    """Returns llama.cpp's greedy continuation, which goes on where the model ends its text."""
    llama.reset()
    ids = []
    tokens = prompt
    for _ in range(count):
        llama.eval(tokens)
        ids.append(int(np.argmax(llama.scores[llama.n_tokens - 1])))
        tokens = ids[-1:]
    return ids


def gaps(reference: Reference, prompt: list[int], ids: list[int]) -> np.ndarray:
    """Returns for each id how much lower its exact logit is than the highest one."""
    reference.clear()
    rows = reference.logits(np.array(prompt + ids[:-1]))[len(prompt) - 1 :]
    return rows.max(axis=1) - rows[np.arange(len(ids)), ids]


def describe(values: np.ndarray) -> str:
    return f"{int((values == 0).sum())} of {len(values)} exact, largest gap {values.max():.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Checks greedy continuations against a model's exact logits."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--tokens", type=int, default=32, help="tokens to generate (default 32)")
    parser.add_argument(
        "--near-tie", type=float, default=0.3, help="gap of logits that is a fault (default 0.3)"
    )
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    faults = 0
    try:
        if arguments.tokens < 1:
            raise ValueError(f"--tokens is {arguments.tokens}, must be at least 1")
        llama = Llama(
            arguments.model, n_ctx=1024, n_threads=arguments.threads, logits_all=True, verbose=False
        )
        reference = open_reference(arguments.model)
        for text in PROMPTS:
            command = (
                "run",
                "-m",
                arguments.model,
                "--raw",
                "--temp",
                "0",
                "--ignore-eos",
                "--json",
            )
            ours = json.loads(
                vidrio.run(arguments, *command, "-n", str(arguments.tokens), "-p", text)
            )
            prompt = llama.tokenize(text.encode(), add_bos=True, special=True)
            theirs = llama_cpp_ids(llama, prompt, arguments.tokens)
            if ours["prompt_ids"] != prompt:
                raise ValueError(
                    f"prompt {text!r} is {ours['prompt_ids']} to vidrio, {prompt} to llama.cpp"
                )
            own_gaps = gaps(reference, prompt, ours["ids"])
            fault = own_gaps.max() >= arguments.near_tie
            faults += fault
            parting = next((i for i, (a, b) in enumerate(zip(ours["ids"], theirs)) if a != b), None)
            print(f"{text!r}{' FAULT' if fault else ''}\n  {ours['text']!r}")
            print(f"  vidrio     {describe(own_gaps)}")
            print(f"  llama.cpp  {describe(gaps(reference, prompt, theirs))}")
            print(f"  the two {'are the same' if parting is None else f'part at step {parting}'}")
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(
        f"{len(PROMPTS) - faults} of {len(PROMPTS)} prompts are exact"
        f" up to near-ties of {arguments.near_tie}"
    )
    parser.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
