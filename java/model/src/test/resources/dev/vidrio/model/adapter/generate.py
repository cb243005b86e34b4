"""Writes random adapters of the tiny models in ../architecture with their expected logits.

    python generate.py LLAMA_CPP [NAME…]

Each adapter gets a directory with

- `adapter_config.json` and `adapter_model.safetensors`, as PEFT writes them,
- `adapter.gguf`, the same made by llama.cpp's converter in the directory LLAMA_CPP, where that can
  say what the configuration does,
- `expected.safetensors`: `tokens` int32 [n], and `logits` float32 [n, V] that PEFT computes after
  each of them, in F32.

Factors are drawn so that the adapter changes the logits about as much as a layer does.

Needs torch, transformers 4.57.3 (laguna, qwen35moe: 5.24), peft 0.21.2, safetensors and gguf.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import peft
import torch
import transformers
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch_file

MODELS = Path(__file__).parent.parent / "architecture"
COUNT = 40

QWEN_3_5 = ["in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b"]
LLAMA = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# Model, configuration, type of the factors, whether the converter supports it: the converter expects
# one alpha and one rank, transposes the factors of matrices that GPT-2 has transposed, and reads
# Qwen3.5 as a model that drafts tokens.
ADAPTERS = {
    "llama": (dict(target_modules=LLAMA, r=3, lora_alpha=5), torch.float32, True),
    "mistral": (
        dict(target_modules=[*LLAMA, "lm_head"], r=4, lora_alpha=8),
        torch.float16,
        True,
    ),
    "qwen2": (
        dict(target_modules=["q_proj", "v_proj", "down_proj"], r=4, lora_alpha=6)
        | dict(rank_pattern={"v_proj": 7}, alpha_pattern={"layers.1.mlp.down_proj": 3}),
        torch.float32,
        False,
    ),
    "gemma3": (
        dict(target_modules=LLAMA, r=2, lora_alpha=2, use_rslora=True)
        | dict(rank_pattern={"o_proj": 5}, layers_to_transform=[0, 5]),
        torch.float32,
        False,
    ),
    "phi3": (
        dict(target_modules=["qkv_proj", "gate_up_proj", "o_proj"], r=4, lora_alpha=4),
        torch.bfloat16,
        True,
    ),
    "mixtral": (dict(target_modules=LLAMA[:4], r=4, lora_alpha=4), torch.float32, True),
    "gpt2": (
        dict(target_modules=["c_attn", "c_proj", "c_fc"], r=4, lora_alpha=8, fan_in_fan_out=True),
        torch.float32,
        False,
    ),
    "gptneox": (
        dict(target_modules=["query_key_value", "dense", "dense_h_to_4h"], r=4, lora_alpha=8),
        torch.float32,
        True,
    ),
    "qwen35moe": (
        dict(target_modules=["q_proj", "v_proj", "o_proj", *QWEN_3_5], r=3, lora_alpha=4),
        torch.float32,
        False,
    ),
    # Its layers differ in query heads.
    "laguna": (
        dict(target_modules=[*LLAMA[:4], "g_proj"], r=3, lora_alpha=4),
        torch.float32,
        False,
    ),
    "bloom": (
        dict(target_modules=["query_key_value", "dense_4h_to_h"], r=4, lora_alpha=4),
        torch.float32,
        True,
    ),
}


def draw(name: str, path: Path, dtype: torch.dtype) -> None:
    """Gives the factors seeded random values of a type."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    factors = load_file(path)
    for key in sorted(key for key in factors if ".lora_" in key):
        shape = factors[key].shape
        spread = 0.5 / math.sqrt(shape[1])
        factors[key] = (torch.randn(shape, generator=generator) * spread).to(dtype)
    save_torch_file(factors, path)


def convert(llama_cpp: Path, directory: Path, name: str, dtype: torch.dtype) -> None:
    types = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
    # The converter must see the configuration alone.
    with tempfile.TemporaryDirectory() as base:
        shutil.copy(MODELS / name / "config.json", base)
        subprocess.run(
            [sys.executable, llama_cpp / "convert_lora_to_gguf.py", "--base", base]
            + ["--outtype", types[dtype], "--outfile", directory / "adapter.gguf", directory],
            check=True,
        )


def generate(llama_cpp: Path, directory: Path, name: str) -> None:
    options, dtype, convertible = ADAPTERS[name]
    model = transformers.AutoModelForCausalLM.from_pretrained(
        MODELS / name, attn_implementation="eager", dtype=torch.float32
    )
    config = peft.LoraConfig(task_type="CAUSAL_LM", **options)
    peft.get_peft_model(model, config).save_pretrained(directory)
    (directory / "README.md").unlink()
    path = directory / "adapter_config.json"
    saved = json.loads(path.read_text()) | dict(base_model_name_or_path=name)
    saved["target_modules"].sort()
    path.write_text(json.dumps(saved, indent=1, sort_keys=True) + "\n")
    draw(name, directory / "adapter_model.safetensors", dtype)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        MODELS / name, attn_implementation="eager", dtype=torch.float32
    )
    model = peft.PeftModel.from_pretrained(model, directory).float().eval()
    random = np.random.default_rng(zlib.crc32(name.encode()))
    tokens = random.integers(0, model.config.vocab_size, COUNT, dtype=np.int32)
    with torch.no_grad():
        logits = model(torch.from_numpy(tokens).long()[None], use_cache=False).logits[0]
        with model.disable_adapter():
            base = model(torch.from_numpy(tokens).long()[None], use_cache=False).logits[0]
    print(name, "changes logits by", ((logits - base).norm() / base.norm()).item())
    tensors = {"tokens": tokens, "logits": logits.float().numpy()}
    save_file(tensors, directory / "expected.safetensors")
    if convertible:
        convert(llama_cpp, directory, name, dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the adapters of adapter tests.")
    parser.add_argument("llama_cpp", type=Path, help="directory of llama.cpp's sources")
    parser.add_argument("names", nargs="*", help="models to write adapters for (default all)")
    arguments = parser.parse_args()
    for name in arguments.names or ADAPTERS:
        generate(arguments.llama_cpp, Path(__file__).parent / name, name)


if __name__ == "__main__":
    main()
