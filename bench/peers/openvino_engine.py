"""Runs the tests of compare_speed.py in OpenVINO GenAI.

    python openvino_engine.py MODEL.gguf SETTING [PROMPT]

With a prompt, prints its next token. Otherwise prints {} once the model is open, then reads tests as
JSON, one a line, and prints for each the seconds that its tokens took, or an error.
"""

import json
import os
import sys
import time

import numpy as np
import openvino
import openvino_genai as genai


class Model:
    def __init__(self, file: str, setting: dict[str, str]):
        self.paged = setting["attention"] == "paged"
        properties = {"INFERENCE_NUM_THREADS": int(setting["threads"])}
        properties["ATTENTION_BACKEND"] = "PA" if self.paged else "SDPA"
        if setting.get("precision", "default") != "default":
            properties["INFERENCE_PRECISION_HINT"] = setting["precision"]
        self.pipeline = genai.LLMPipeline(file, "CPU", **properties)
        self.random = np.random.default_rng(1)

    def ids(self, rows: int, columns: int) -> np.ndarray:
        return self.random.integers(10, 40000, (rows, columns))

    def generate(self, ids: np.ndarray, tokens: int) -> float:
        """Returns the seconds that a prompt and the generation of so many tokens take."""
        config = genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos = tokens, True
        inputs = genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(np.ones_like(ids)))
        start = time.perf_counter()
        self.pipeline.generate(inputs, config)
        return time.perf_counter() - start

    def prompt_seconds(self, tokens: int, depth: int) -> float:
        if depth > 0 and not self.paged:
            raise ValueError("a prompt after others needs the prefix cache of paged attention")
        before = self.ids(1, depth)
        if depth > 0:
            self.generate(before, 1)
        self.generate(self.ids(1, tokens), 1)  # compiles for this length
        return self.generate(np.hstack([before, self.ids(1, tokens)]), 1)

    def generation_seconds(self, tokens: int, depth: int, sequences: int) -> float:
        """Returns the time of all tokens but the first, which the prompt gives."""
        ids = self.ids(sequences, max(1, depth))
        self.generate(ids, 2)
        first = self.generate(ids, 1)
        return self.generate(ids, tokens + 1) - first

    def seconds(self, test: dict) -> float:
        if test["kind"] == "pp":
            return self.prompt_seconds(test["tokens"], test["depth"])
        return self.generation_seconds(test["tokens"], test["depth"], test["sequences"])


def error_of(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def main() -> None:
    # Standard output is for answers alone; the package logs to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    file, setting = sys.argv[1], json.loads(sys.argv[2])
    try:
        model = Model(file, setting)
    except (RuntimeError, ValueError) as error:
        print(json.dumps({"error": error_of(error)}), file=answers, flush=True)
        sys.exit(1)
    if len(sys.argv) > 3:
        text = model.pipeline.generate(sys.argv[3], max_new_tokens=1, apply_chat_template=False)
        print(text, file=answers, flush=True)
        return
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = {"seconds": model.seconds(json.loads(line))}
        except (RuntimeError, ValueError) as error:
            answer = {"error": error_of(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
