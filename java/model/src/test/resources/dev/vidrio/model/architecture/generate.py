"""Writes the tiny random models of the architecture tests, with logits and gradients.

    python generate.py LLAMA_CPP [NAME…]

Each model gets a directory with

- `config.json` and `model.safetensors`, as transformers writes them, all weights F32 but of values
  that BF16 holds; where the name says so, experts in MXFP4,
- `model.gguf`, the same weights in BF16 (norms and biases in F32), made by llama.cpp's converter in
  the directory LLAMA_CPP, or without it if that does not know the model (`OWN_KEYS`),
- `expected.safetensors`: `tokens` int32 [n], and `logits` float32 [n, V] that transformers computes
  after each of them, in F32 and with its plain ("eager") attention; `gradient` float32 [n, d], of
  the sum of each token's own logit after it, with respect to the rows of the embedding table.

`configurations.py` lists the models. Some are made of others (`adaptations.py`), saved as their own
code had them (`originals.py`), or unknown to the converter (`gguf_files.py`).

Weights are drawn so that every part of the model matters: scores spread over several units, gains
and biases differ from element to element. Texts are longer than the windows.

Needs torch, safetensors, gguf and transformers 4.57.3; 5.24 for mistral3, gemma3n, gemma4, baichuan
to gptj, deepseek and what follows from it, those with Mamba 2, vaultgemma to hyperclovax, gpt_neo,
opt, lfm3, olmo_hybrid, internlm3 to plamo3, flint, aria and recurrent_gemma.
"""

import argparse
import contextlib
import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from adaptations import adapt, add_mixtures, step35
from configurations import COUNT, DELTA_RULES, EYES, MODELS, VOCABULARY, configuration
from gguf_files import convert
from originals import ORIGINALS, is_file_alone, write_original
from safetensors.numpy import load_file, save_file


def draw(name: str, model: torch.nn.Module) -> None:
    """Gives every parameter seeded random values that are exact in BF16."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    gemmas = ("gemma", "gemma2", "gemma3", "plamo3", "vaultgemma", "recurrent_gemma")
    less_one = name in (*gemmas, *DELTA_RULES, "nemotron", "step35")
    biases = ("e_score_correction_bias", "expert_bias")
    corrections = [b for b in model.named_buffers() if b[0].endswith(biases)]
    with torch.no_grad():
        for key, parameter in [*model.named_parameters(), *corrections]:
            values = torch.randn(parameter.shape, generator=generator)
            if key.endswith(("A_log", "recurrent_param")):
                values = values - 2.0  # makes some states decay slowly
            elif parameter.dim() == 1 and key.endswith("weight"):
                values = values * 0.25 + (0.0 if less_one and "linear_attn" not in key else 1.0)
                # Gemma 3n and 4 do not divide scores by the square root of the width.
                undivided = name.startswith(("gemma3n", "gemma4")) and "q_norm" in key
                values = values * (0.25 if undivided else 1.0)
            elif parameter.dim() == 1 and key.endswith("scale"):
                # Gemma 4 divides router inputs by the square root of the width.
                values = (values * 0.25 + 1.0) * (16.0 if key.endswith("router.scale") else 1.0)
            elif parameter.dim() == 1 or key.endswith("bias"):
                values = values * 0.25
            elif key.endswith("gate_up_proj") and model.config.model_type == "gpt_oss":
                # Some products exceed the clamp.
                values = values * (4 / math.sqrt(fan_in(key, parameter, model)))
            elif "embed" in key or "wte" in key or "wpe" in key:
                pass
            else:
                values = values * (1.25 / math.sqrt(fan_in(key, parameter, model)))
                # Gemma 3n divides router inputs by the width.
                values = values * (parameter.shape[-1] if "modality_router" in key else 1.0)
            if name == "sarvam-moe" and key.endswith("e_score_correction_bias"):
                values[4:] = -values[:4]  # the converter subtracts the mean
            parameter.copy_(values.bfloat16().float())
        for key, buffer in model.named_buffers():
            if key.endswith("layer_scalar"):
                values = 1 + 0.25 * torch.randn(buffer.shape, generator=generator)
                buffer.copy_(values.bfloat16().float())


def draw_mxfp4(model: torch.nn.Module, seed: int) -> dict[str, np.ndarray]:
    """Gives gpt-oss's experts random weights of MXFP4, and returns their codes and exponents."""
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
    random = np.random.default_rng(seed)
    tensors = {}
    for key, parameter in model.named_parameters():
        if not key.endswith(("experts.gate_up_proj", "experts.down_proj")):
            continue
        experts, inputs, outputs = parameter.shape
        blocks = random.integers(0, 256, (experts, outputs, inputs // 32, 16), dtype=np.uint8)
        scales = random.integers(121, 126, blocks.shape[:3], dtype=np.uint8)
        codes = np.stack((blocks & 15, blocks >> 4), axis=-1).reshape(*blocks.shape[:3], 32)
        weights = values[codes] * np.exp2(scales.astype(np.float32) - 127)[..., None]
        weights = weights.reshape(experts, outputs, inputs).transpose(0, 2, 1)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(weights)))
        tensors |= {key: None, key + "_blocks": blocks, key + "_scales": scales}
    return tensors


def replace_tensors(directory: Path, tensors: dict[str, np.ndarray]) -> None:
    """Converts a checkpoint to MXFP4. Omits tensors without a value."""
    file, config = directory / "model.safetensors", directory / "config.json"
    kept = load_file(file) | tensors
    save_file({k: v for k, v in kept.items() if v is not None}, file, {"format": "pt"})
    values = json.loads(config.read_text())
    values["quantization_config"] = {"quant_method": "mxfp4"}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def fan_in(key: str, parameter: torch.Tensor, model: torch.nn.Module) -> int:
    """Transposes matrices that GPT-2, and gpt-oss for experts, store as [in, out]."""
    transposed = model.config.model_type == "gpt2" and "lm_head" not in key
    experts = model.config.model_type in ("gpt_oss", "llama4_text") and "experts" in key
    return parameter.shape[0 if transposed else -2 if experts else -1]


def expected(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return model(tokens[None], use_cache=False).logits[0].float().numpy()


def gradient(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """Returns gradients by autograd at the looked-up embedding rows. Some models scale them later."""
    look_up = torch.nn.functional.embedding
    rows = []

    def looked_up(ids, weight, *arguments, **keywords):
        found = look_up(ids, weight, *arguments, **keywords)
        if weight is model.get_input_embeddings().weight:
            found = found.detach().requires_grad_()
            rows.append(found)
        return found

    torch.nn.functional.embedding = looked_up
    try:
        logits = model(tokens[None], use_cache=False).logits[0]
    finally:
        torch.nn.functional.embedding = look_up
    logits.gather(1, tokens[:, None]).sum().backward()
    return rows[0].grad[0].float().numpy()


def generate(llama_cpp: Path, directory: Path, name: str) -> None:
    config = configuration(name)
    torch.manual_seed(0)
    # StableLM cannot initialize norms without a bias; all parameters are drawn below.
    no_init = getattr(transformers.modeling_utils, "no_init_weights", contextlib.nullcontext)
    with no_init():
        auto = "ImageTextToText" if MODELS[name][0] in EYES else "CausalLM"
        make = getattr(transformers, "AutoModelFor" + auto).from_config
        if name == "mistral4":  # registered only as a part of a multimodal model
            make = transformers.Mistral4ForCausalLM._from_config
        if name == "step35":
            make = step35
        model = make(config, attn_implementation="eager")
    if name == "deepseek":
        add_mixtures(model)
    model = model.float().eval()
    model.tie_weights()
    adapt(name, model)
    draw(name, model)
    mxfp4 = draw_mxfp4(model, zlib.crc32(name.encode())) if name.endswith("mxfp4") else {}
    model.save_pretrained(directory)
    if mxfp4:
        replace_tensors(directory, mxfp4)
    (directory / "generation_config.json").unlink(missing_ok=True)
    if name in ORIGINALS:
        write_original(directory, name)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    tokens = random.integers(0, VOCABULARY, COUNT, dtype=np.int32)
    ids = torch.from_numpy(tokens).long()
    tensors = {"tokens": tokens, "logits": expected(model, ids), "gradient": gradient(model, ids)}
    if name.startswith("falcon-h1"):  # its file has an embedding that is already scaled
        tensors["gradient"] /= config.embedding_multiplier
    if name == "plamo3":  # likewise
        tensors["gradient"] /= math.sqrt(config.hidden_size)
    original = getattr(config, "original_max_position_embeddings", None)
    if original and original < COUNT:
        tensors["short_logits"] = expected(model, ids[:original])
    save_file(tensors, directory / "expected.safetensors")
    convert(llama_cpp, directory, name)
    if is_file_alone(directory / "model.gguf"):
        for part in ("config.json", "model.safetensors"):
            (directory / part).unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the tiny models of architecture tests.")
    parser.add_argument("llama_cpp", type=Path, help="directory of llama.cpp's sources")
    parser.add_argument("names", nargs="*", help="which models (default all)")
    arguments = parser.parse_args()
    for name in arguments.names or MODELS:
        generate(arguments.llama_cpp, Path(__file__).parent / name, name)


if __name__ == "__main__":
    main()
