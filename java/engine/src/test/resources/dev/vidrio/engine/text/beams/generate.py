"""Writes what transformers finds by beam search on the tiny models of the architecture tests.

    python generate.py MODELS

MODELS is the directory of the tiny models, `java/model/src/test/resources/…/architecture`. The
result, `expected.csv` in the same directory, has a search in each line:

- `model`, `prompt` (ids), `tokens` (new ones at most), `ends` (ids that end a text),
- `width`, `length_penalty`, `early_stopping`, as `generate` takes them,
- `answers`, the best first: the score and the ids without the one that ends them.

Needs torch and transformers 4.57.3.
"""

import argparse
import csv
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers

VOCABULARY = 64
PAD = 2
TOKENS = 16

# Few end-of-text tokens, and so many that most texts end early.
ENDS = [[1], [1, 7, 19, 23, 40, 41, 55], list(range(3, 64, 3))]
STOPPING = [True, False, "never"]
PENALTIES = [0.0, 1.0, 2.0, -1.0]

COLUMNS = "model prompt tokens ends width length_penalty early_stopping answers".split()


def search(model, prompt, ends, width, penalty, stopping) -> str:
    ids = torch.tensor([prompt])
    with torch.no_grad():
        found = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=TOKENS,
            eos_token_id=ends,
            pad_token_id=PAD,
            do_sample=False,
            num_beams=width,
            num_return_sequences=width,
            length_penalty=penalty,
            early_stopping=stopping,
            return_dict_in_generate=True,
            output_scores=True,
        )
    answers = []
    for sequence, score in zip(found.sequences.tolist(), found.sequences_scores.tolist()):
        tokens = sequence[len(prompt) :]
        end = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
        answers.append(" ".join([f"{score:.6f}", *map(str, tokens[:end])]))
    return "; ".join(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the gold of beam searches.")
    parser.add_argument("models", type=Path, help="directory of the tiny models")
    models = parser.parse_args().models
    with Path(__file__).with_name("expected.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for name in ("llama", "qwen2", "gpt2"):
            out.writerows(searches(models, name))


def searches(models: Path, name: str):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        models / name, attn_implementation="eager", dtype=torch.float32
    ).eval()
    random = np.random.default_rng(zlib.crc32(name.encode()))
    for case in range(24):
        prompt = random.integers(0, VOCABULARY, 3 + case).tolist()
        ends, stopping = ENDS[case // 4 % 3], STOPPING[case % 3]
        width, penalty = 2 + case % 5, PENALTIES[case // 3 % 4]
        answers = search(model, prompt, ends, width, penalty, stopping)
        yield name, ids(prompt), TOKENS, ids(ends), width, penalty, stopping, answers


def ids(tokens) -> str:
    return " ".join(map(str, tokens))


if __name__ == "__main__":
    main()
