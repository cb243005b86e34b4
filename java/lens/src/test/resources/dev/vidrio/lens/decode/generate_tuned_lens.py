#!/usr/bin/env python3
"""Writes tuned lenses of tiny models with random translators, and the logits of tuned-lens 0.2.0.

Needs torch, safetensors, transformers and tuned-lens. Usage: generate_tuned_lens.py
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from tuned_lens import model_surgery
from tuned_lens.nn.lenses import TunedLens

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[7] / "model/src/test/resources/dev/vidrio/model/architecture"

# tuned-lens 0.2.0 asks TransformerLens for a class that version 4 no longer has.
model_surgery._transformer_lens_available = False


def main():
    torch.manual_seed(3)
    for name in ("gpt2", "llama"):
        tokens = load_file(MODELS / name / "expected.safetensors")["tokens"][:12].long()
        model = AutoModelForCausalLM.from_pretrained(
            MODELS / name, dtype=torch.float32, attn_implementation="eager"
        )
        lens = TunedLens.from_model(model)
        directory = HERE / "tuned" / name
        directory.mkdir(parents=True, exist_ok=True)
        with torch.no_grad(), TemporaryDirectory() as saved:
            for parameter in lens.layer_translators.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
            lens.save(saved)
            state = torch.load(Path(saved) / "params.pt", weights_only=True)
            save_file(state, directory / "params.safetensors")
            config = json.loads((Path(saved) / "config.json").read_text())
            config["base_model_name_or_path"] = name
            (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
            states = model(tokens[None], output_hidden_states=True).hidden_states
            logits = [lens(states[i][0], i) for i in range(len(lens))]
            expected = {"tokens": tokens.int(), "logits": torch.stack(logits)}
            save_file(expected, directory / "expected.safetensors")


if __name__ == "__main__":
    main()
