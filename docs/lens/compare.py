#!/usr/bin/env python3
"""Compares what `vidrio lens cache` kept of a llama model with transformers on dequantized weights.

Needs numpy, safetensors, gguf, torch and transformers. Usage:
    vidrio lens cache -m MODEL.gguf -p TEXT -o cache.safetensors
    docs/lens/compare.py cache.safetensors MODEL.gguf
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM


def run(path, tokens):
    """The activations of transformers, under the names of hook points."""
    model = AutoModelForCausalLM.from_pretrained(
        str(path.parent), gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    )
    seen = {}

    def output(name):
        def hook(module, inputs, outputs):
            seen[name] = (outputs[0] if isinstance(outputs, tuple) else outputs)[0].numpy()

        return hook

    def argument(name):
        return lambda module, inputs: seen.update({name: inputs[0][0].numpy()})

    for l, block in enumerate(model.model.layers):
        at, attention, mlp = f"blocks.{l}.", block.self_attn, block.mlp
        block.register_forward_pre_hook(argument(at + "hook_resid_pre"))
        attention.q_proj.register_forward_hook(output(at + "attn.hook_q"))
        attention.k_proj.register_forward_hook(output(at + "attn.hook_k"))
        attention.v_proj.register_forward_hook(output(at + "attn.hook_v"))
        attention.o_proj.register_forward_pre_hook(argument(at + "attn.hook_z"))
        attention.register_forward_hook(output(at + "hook_attn_out"))
        block.post_attention_layernorm.register_forward_pre_hook(argument(at + "hook_resid_mid"))
        mlp.gate_proj.register_forward_hook(output(at + "mlp.hook_pre"))
        mlp.up_proj.register_forward_hook(output(at + "mlp.hook_pre_linear"))
        mlp.down_proj.register_forward_pre_hook(argument(at + "mlp.hook_post"))
        mlp.register_forward_hook(output(at + "hook_mlp_out"))
        block.register_forward_hook(output(at + "hook_resid_post"))
    with torch.no_grad():
        result = model(torch.tensor(tokens.astype(np.int64))[None], output_attentions=True)
    for l, pattern in enumerate(result.attentions):
        seen[f"blocks.{l}.attn.hook_pattern"] = pattern[0].numpy()
    seen["unembed.hook_out"] = result.logits[0].numpy()
    return seen


def comparable(name, ours, theirs):
    """Returns both with one shape, without the first token: its massive activations hide all else."""
    if name.endswith(("hook_q", "hook_k")):
        # A GGUF file of this architecture has the two elements that rotate together side by side.
        tokens, heads, width = ours.shape
        theirs = theirs.reshape(tokens, heads, 2, width // 2).swapaxes(2, 3)
    theirs = theirs.reshape(ours.shape)
    tokens_first = not name.endswith("hook_pattern")
    return (ours[1:], theirs[1:]) if tokens_first else (ours, theirs)


def main():
    cache = load_file(sys.argv[1])
    sites = {}
    for name, theirs in run(Path(sys.argv[2]), cache["tokens"]).items():
        pair = comparable(name, cache[name], theirs)
        a, b = (values.ravel().astype(np.float64) for values in pair)
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        error = np.linalg.norm(a - b) / np.linalg.norm(b)
        site = name.split(".", 2)[-1] if name.startswith("blocks") else name
        sites.setdefault(site, []).append((cosine, error))
    print("| hook | least cosine | median relative error | greatest |")
    print("|---|---|---|---|")
    for site, pairs in sites.items():
        cosines, errors = zip(*pairs)
        print(f"| `{site}` | {min(cosines):.6f} | {np.median(errors):.1e} | {max(errors):.1e} |")


if __name__ == "__main__":
    main()
