"""Compares how far two engines are from a model's exact distributions on one text.

    python compare_kld.py MODEL.gguf TEXT.txt [--count 512]

The truth is the forward pass of the dequantized weights, as reference_logits.py has it. The engines
are Vidrio (`vidrio eval logits`) and llama.cpp with its default settings; all get the same token
ids, the first `--count` of the text as llama.cpp tokenizes it. Prints kld.py's figures of both.
Ends with 1 when Vidrio's mean is larger than llama.cpp's.

Needs the packages of requirements.txt.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import kld
import vidrio
from reference_logits import llama_cpp_logits, open_reference, tokenize


def vidrio_logits(arguments, tokens: np.ndarray) -> np.ndarray:
    """Returns Vidrio's logits [N, V] of the tokens."""
    with tempfile.TemporaryDirectory() as directory:
        ids, out = Path(directory, "ids.json"), Path(directory, "logits.safetensors")
        ids.write_text(json.dumps(tokens.tolist()))
        vidrio.run(
            arguments, "eval", "logits", "-m", arguments.model, "--ids", str(ids), "-o", str(out)
        )
        written, logits = kld.load(str(out))
    if not np.array_equal(written, tokens):
        raise ValueError("vidrio eval logits: wrote other tokens than it was given")
    return logits


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compares Vidrio's and llama.cpp's distributions with the exact ones."
    )
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("text", help="UTF-8 text file")
    parser.add_argument("--count", type=int, default=512, help="how many tokens (default 512)")
    vidrio.add_options(parser)
    arguments = parser.parse_args()
    try:
        tokens = tokenize(arguments.model, arguments.text, arguments.count)
        engines = {
            "vidrio": vidrio_logits(arguments, tokens),
            "llama.cpp": llama_cpp_logits(arguments.model, tokens, arguments.threads),
        }
        reference = open_reference(arguments.model).logits(tokens)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    means = {}
    print(f"{len(tokens)} tokens")
    print(f"{'engine':10} {'mean KLD':>12} {'max KLD':>12} {'same top':>9}")
    for engine, logits in engines.items():
        result = kld.compare(reference, logits)
        mean, worst, same = result.kld.mean(), result.kld.max(), result.same_top.mean()
        print(f"{engine:10} {mean:12.9f} {worst:12.9f} {same:9.6f}")
        means[engine] = mean
    print(f"vidrio / llama.cpp: {means['vidrio'] / means['llama.cpp']:.3f}")
    parser.exit(0 if means["vidrio"] <= means["llama.cpp"] else 1)


if __name__ == "__main__":
    main()
