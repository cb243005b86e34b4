"""Writes the tiny random encoders of the tests, with hidden states and logits of classes.

    python generate.py LLAMA_CPP [NAME…]

Each model gets a directory with

- `config.json` and `model.safetensors`, as transformers writes them, all weights F32 but of values
  that BF16 holds,
- `model.gguf`, the same weights in F32, made by llama.cpp's converter in the directory LLAMA_CPP,
  which has none of GTE and MPNet,
- `expected.safetensors`: `tokens` and `types` int32 [n], `hidden` float32 [n, d], the last hidden
  states that transformers computes in F32 with its plain ("eager") attention, for classifiers
  `logits` float32 [classes], and for types of 0 `resid_pre` float32 [n, d] and `pattern` float32
  [H, n, n], input and attention weights of the last layer.

Weights are drawn so that every part of the model matters; texts are longer than the windows.

Needs torch, safetensors, gguf and transformers 5.24.
"""

import argparse
import json
import math
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

VOCABULARY = 64
COUNT = 40

COMMON = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)

MODERN = COMMON | dict(
    num_hidden_layers=4,
    local_attention=8,
    cls_token_id=1,
    sep_token_id=2,
)

BERT = COMMON | dict(layer_norm_eps=1e-12)
GEMMA = COMMON | dict(
    num_hidden_layers=6,
    num_key_value_heads=2,
    head_dim=8,
    query_pre_attn_scalar=8,
    sliding_window=8,
    use_bidirectional_attention=True,
)

# Static NTK scaling of GTE's own code is a linear scaling of a larger base.
NTK = dict(rope_theta=1000.0, rope_scaling=dict(type="ntk", factor=8.0))
GTE = COMMON | dict(
    rope_parameters=dict(
        rope_type="linear",
        rope_theta=NTK["rope_theta"] * NTK["rope_scaling"]["factor"],
        factor=NTK["rope_scaling"]["factor"] ** (2 / 8),
    )
)

ROBERTA = COMMON | dict(pad_token_id=1, bos_token_id=0, type_vocab_size=1, max_position_embeddings=66)

# The class, the class of the configuration, and the configuration.
MODELS = {
    "bert": ("BertModel", "BertConfig", BERT),
    "bert-classifier": ("BertForSequenceClassification", "BertConfig", BERT | dict(num_labels=3)),
    "roberta": ("RobertaModel", "RobertaConfig", ROBERTA),
    "xlm-roberta-classifier": (
        "XLMRobertaForSequenceClassification",
        "XLMRobertaConfig",
        ROBERTA | dict(num_labels=1),
    ),
    "distilbert": (
        "DistilBertModel",
        "DistilBertConfig",
        dict(
            vocab_size=VOCABULARY,
            dim=32,
            hidden_dim=48,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=64,
        ),
    ),
    "mpnet": (
        "MPNetModel",
        "MPNetConfig",
        ROBERTA | dict(max_position_embeddings=66, layer_norm_eps=1e-5),
    ),
    "mpnet-classifier": (
        "MPNetForSequenceClassification",
        "MPNetConfig",
        ROBERTA | dict(num_labels=3),
    ),
    "modern-bert": ("ModernBertModel", "ModernBertConfig", MODERN),
    "modern-bert-classifier": (
        "ModernBertForSequenceClassification",
        "ModernBertConfig",
        MODERN | dict(num_labels=1, classifier_pooling="mean"),
    ),
    "modern-bert-first": (
        "ModernBertForSequenceClassification",
        "ModernBertConfig",
        MODERN | dict(id2label={0: "no", 1: "yes"}, classifier_pooling="cls"),
    ),
    "gte": ("GteModel", "GteConfig", GTE | dict(type_vocab_size=0)),
    "gte-classifier": (
        "GteForSequenceClassification",
        "GteConfig",
        GTE | dict(type_vocab_size=2, num_labels=1),
    ),
    "gemma-embedding": ("Gemma3TextModel", "Gemma3TextConfig", GEMMA),
    "eurobert": ("EuroBertModel", "EuroBertConfig", COMMON | dict(num_key_value_heads=2)),
}


def draw(name: str, model: torch.nn.Module) -> None:
    """Gives every parameter seeded random values that are exact in BF16."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                values = values * 0.25 + (1.0 if key.endswith("weight") else 0.0)
            elif "embeddings" not in key and "embed_tokens" not in key:
                values = values * (1.25 / math.sqrt(parameter.shape[1]))
            parameter.copy_(values.bfloat16().float())


def expected(name: str, model: torch.nn.Module) -> dict[str, np.ndarray]:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    tokens = random.integers(3, VOCABULARY, COUNT, dtype=np.int32)
    types = np.zeros(COUNT, np.int32)
    inputs = {"input_ids": torch.from_numpy(tokens).long()[None]}
    if getattr(model.config, "type_vocab_size", 1) > 1:
        types[COUNT // 2 :] = 1
        inputs["token_type_ids"] = torch.from_numpy(types).long()[None]
    tensors = {"tokens": tokens, "types": types}
    base = model.base_model
    with torch.no_grad():
        outputs = base(**inputs, output_hidden_states=True, output_attentions=True)
        tensors["hidden"] = outputs.last_hidden_state[0].numpy()
        if not types.any():
            tensors["resid_pre"] = outputs.hidden_states[-2][0].contiguous().numpy()
            tensors["pattern"] = outputs.attentions[-1][0].contiguous().numpy()
        if base is not model:
            tensors["logits"] = model(**inputs).logits[0].numpy()
    return tensors


def convert(llama_cpp: Path, directory: Path) -> None:
    """Runs llama.cpp's converter without a tokenizer."""
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import conversion
    import gguf

    hparams = json.loads((directory / "config.json").read_text())
    kind = conversion.get_model_class(hparams["architectures"][0])

    class Converter(kind):
        model_arch = kind.model_arch

        def set_vocab(self):
            self.gguf_writer.add_tokenizer_model("none")
            if "type_vocab_size" in hparams:
                self.gguf_writer.add_token_type_count(hparams["type_vocab_size"])

        def _try_set_pooling_type(self):
            if hparams.get("classifier_pooling") in ("cls", "mean"):
                super()._try_set_pooling_type()

    counted = directory / "tokenizer.json"  # by the converter of Gemma
    counted.write_text(json.dumps({"model": {"vocab": dict.fromkeys(map(str, range(VOCABULARY)), 0)}, "added_tokens": []}))
    Converter(directory, gguf.LlamaFileType.ALL_F32, directory / "model.gguf").write()
    counted.unlink()


def original_gte(directory: Path) -> None:
    """Makes the configuration that of GTE's own code, which was on the Hub before transformers had it."""
    file = directory / "config.json"
    config = json.loads(file.read_text()) | {"architectures": ["NewModel"], "model_type": "new"} | NTK
    del config["rope_parameters"]
    file.write_text(json.dumps(config | {"position_embedding_type": "rope", "pack_qkv": True}, indent=2) + "\n")


def generate(llama_cpp: Path, directory: Path, name: str) -> None:
    kind, configuration, values = MODELS[name]
    config = getattr(transformers, configuration)(**values)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = getattr(transformers, kind)(config).float().eval()
    draw(name, model)
    model.save_pretrained(directory)
    save_file(expected(name, model), directory / "expected.safetensors")
    if name == "gte":
        original_gte(directory)
    if not name.startswith(("gte", "mpnet")):
        convert(llama_cpp, directory)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the tiny encoders of tests.")
    parser.add_argument("llama_cpp", type=Path, help="directory of llama.cpp's sources")
    parser.add_argument("names", nargs="*", help="which models (default all)")
    arguments = parser.parse_args()
    for name in arguments.names or MODELS:
        generate(arguments.llama_cpp, Path(__file__).parent / name, name)


if __name__ == "__main__":
    main()
