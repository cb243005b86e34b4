"""The model of a comparison: as Vidrio serves it, and as other programs open it."""

import json
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from functools import cached_property
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import vidrio  # noqa: E402

FIXTURES = vidrio.LAUNCHER.parent / "java/model/src/test/resources/dev/vidrio/model/architecture"
# The embedded model in F32, on which training takes seconds.
BARD = str(vidrio.LAUNCHER.parent / "java/formats/src/test/resources/bard/bard-f32.gguf")


class Model:
    """A model with F32 weights, since quantized ones round activations in Vidrio only."""

    def __init__(self, path: str, arguments):
        self.path = path
        self.arguments = arguments

    def vidrio(self, *command: str) -> dict:
        """Returns the JSON that a vidrio command prints for the model."""
        return json.loads(self.run(*command, "--json"))

    def run(self, *command: str) -> str:
        """Returns the output of a vidrio command for the model."""
        return vidrio.run(self.arguments, *command, "-m", self.path)

    def file(self, text: str) -> str:
        """Returns the path of a temporary file with a text."""
        if not hasattr(self, "directory"):
            self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / f"{len(os.listdir(self.directory.name))}.txt"
        path.write_text(text)
        return str(path)

    def transformers(self, model_class=AutoModelForCausalLM):
        """Returns the model opened anew by transformers."""
        directory, name = Path(self.path).parent, Path(self.path).name
        return model_class.from_pretrained(
            directory, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
        ).eval()

    @cached_property
    def tokenizer(self):
        """The model's tokenizer in transformers."""
        return AutoTokenizer.from_pretrained(Path(self.path).parent, gguf_file=Path(self.path).name)

    @cached_property
    def bridge(self):
        """The model in TransformerLens."""
        return self.open_bridge()

    def open_bridge(self, change=lambda model: None):
        """Returns the model opened anew by TransformerLens, changed before."""
        from transformer_lens.model_bridge import TransformerBridge

        model = self.transformers()
        change(model)
        with tempfile.TemporaryDirectory() as config:
            model.config.save_pretrained(config)
            self.tokenizer.save_pretrained(config)
            return TransformerBridge.boot_transformers(
                config, hf_model=model, tokenizer=self.tokenizer, dtype=torch.float32, device="cpu"
            )


def dequantized(path: str, arguments) -> str:
    """Returns a file with the weights of a GGUF file in F32, which is written next to it the first time."""
    source = Path(path)
    target = source.with_name(f"{source.stem}-f32.gguf")
    if not target.exists():
        if shutil.disk_usage(source.parent).free < 8 * source.stat().st_size:
            raise ValueError(f"{target}: not enough space")
        unthreaded = Namespace(vidrio=arguments.vidrio, threads=None)  # quantize has no -t
        vidrio.run(unthreaded, "quantize", "--type", "F32", "-o", str(target), str(source))
    return str(target)
