"""Runs the tests of compare_speed.py in mistral.rs.

    python mistralrs_engine.py MODEL.gguf SETTING [PROMPT]

With a prompt, prints its next token. Otherwise prints {} once the model is open, then reads tests as
JSON, one a line, and prints for each the seconds that its tokens took, or an error.

The package accepts texts, not token ids, so a prompt of n tokens is n words: the answer has the number
of its tokens.
"""

import json
import os
import random
import sys
from pathlib import Path

import mistralrs

WORDS = "the king of a land went to see an old friend and found that no one was at home".split()


class Model:
    def __init__(self, file: str):
        folder, name = str(Path(file).parent), Path(file).name
        which = mistralrs.Which.GGUF(quantized_model_id=folder, quantized_filename=name)
        self.runner = mistralrs.Runner(which=which, prefix_cache_n=0, token_source="none")

    def complete(self, prompt: str, tokens: int):
        return self.runner.send_completion_request(
            mistralrs.CompletionRequest(
                model="default", prompt=prompt, max_tokens=tokens, temperature=0.0, ignore_eos=True
            )
        )

    def answer(self, test: dict) -> dict:
        words = random.Random(1).choices(
            WORDS, k=test["tokens" if test["kind"] == "pp" else "depth"] or 1
        )
        prompt = " ".join(words)
        if test["sequences"] > 1:
            raise ValueError("batches are not measured")
        if test["kind"] == "pp":
            if test["depth"] > 0:
                raise ValueError("a prompt after others is not measured")
            self.complete(prompt[: len(prompt) // 4], 1)
            usage = self.complete(prompt, 1).usage
            return {"seconds": usage.total_prompt_time_sec, "tokens": usage.prompt_tokens}
        if test["depth"] == 0:
            self.complete(prompt, 4)
        # The first token comes from the prompt.
        usage = self.complete(prompt, test["tokens"] + 1).usage
        return {"seconds": usage.total_completion_time_sec}


def main() -> None:
    # Standard output is for answers alone; the package logs to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    model = Model(sys.argv[1])
    if len(sys.argv) > 3:
        print(model.complete(sys.argv[3], 1).choices[0].text, file=answers, flush=True)
        return
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = model.answer(json.loads(line))
        except ValueError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
