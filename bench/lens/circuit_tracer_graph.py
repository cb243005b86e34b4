"""Prints the attribution graph that circuit-tracer computes, as JSON; graphs.py runs it.

Reads a JSON object from the standard input: the F32 GGUF file of a Llama, a directory of transcoders
and token ids.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import huggingface_hub.constants
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

# Removed from the package since; the program imports it to download files.
huggingface_hub.constants.HF_HUB_ENABLE_HF_TRANSFER = False

from circuit_tracer.attribution import attribute  # noqa: E402
from circuit_tracer.replacement_model import ReplacementModel  # noqa: E402
from circuit_tracer.transcoder import SingleLayerTranscoder  # noqa: E402
from circuit_tracer.transcoder.activation_functions import JumpReLU  # noqa: E402
from transformer_lens import HookedTransformerConfig  # noqa: E402
from transformer_lens.pretrained.weight_conversions import convert_llama_weights  # noqa: E402


def configuration(config) -> HookedTransformerConfig:
    return HookedTransformerConfig(
        n_layers=config.num_hidden_layers,
        d_model=config.hidden_size,
        n_ctx=64,
        d_head=config.hidden_size // config.num_attention_heads,
        n_heads=config.num_attention_heads,
        n_key_value_heads=config.num_key_value_heads,
        d_mlp=config.intermediate_size,
        d_vocab=config.vocab_size,
        act_fn="silu",
        gated_mlp=True,
        normalization_type="RMS",
        final_rms=True,
        eps=config.rms_norm_eps,
        positional_embedding_type="rotary",
        rotary_dim=config.hidden_size // config.num_attention_heads,
        rotary_base=int(config.rope_parameters["rope_theta"]),
        rotary_adjacent_pairs=False,
        original_architecture="LlamaForCausalLM",
        device="cpu",
        dtype=torch.float32,
        default_prepend_bos=False,
    )


def transcoder(directory: Path, layer: int) -> SingleLayerTranscoder:
    weights = load_file(directory / f"layer_{layer}" / "sae_weights.safetensors")
    gain = load_file(directory / f"layer_{layer}" / "gain.safetensors")["gain"]
    d, features = weights["W_enc"].shape
    result = SingleLayerTranscoder(d, features, JumpReLU(0.0, 0.1), layer)
    result.activation_function.threshold.data = weights["threshold"]
    # The program's transcoders read the norm after its gain.
    result.W_enc.data = weights["W_enc"] / gain[:, None]
    result.b_enc.data = weights["b_enc"]
    result.W_dec.data = weights["W_dec"]
    result.b_dec.data = weights["b_dec"]
    return result


def main():
    job = json.load(sys.stdin)
    path = Path(job["model"])
    source = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    cfg = configuration(source.config)
    layers = range(cfg.n_layers)
    transcoders = {l: transcoder(Path(job["transcoders"]), l) for l in layers}
    state = convert_llama_weights(source, cfg)
    model = ReplacementModel.from_config(cfg, transcoders)
    # The program moves feed-forward blocks into modules of its own.
    state = {name.replace(".mlp.", ".mlp.old_mlp."): value for name, value in state.items()}
    state = {name.replace("unembed.", "unembed.old_unembed."): value for name, value in state.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    wrong = [name for name in missing if "transcoders" not in name and ("W_" in name or name.endswith(".w"))]
    assert not wrong and not unexpected, (wrong, unexpected)
    model.tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    with torch.enable_grad():
        graph = attribute(torch.tensor(job["tokens"]), model, batch_size=64)
    n = len(job["tokens"])
    active = graph.active_features[graph.selected_features].tolist()
    nodes = [("feature", f, f"L{l}.F{f}@{p}") for l, p, f in active]
    nodes += [("error", -1, f"L{l}.error@{p}") for l in layers for p in range(n)]
    nodes += [("token", t, f"embed@{p}") for p, t in enumerate(job["tokens"])]
    nodes += [("logit", int(t), "") for t in graph.logit_tokens]
    tracer = Path(sys.modules["circuit_tracer"].__file__).parents[1] / "pyproject.toml"
    number = tracer.read_text().split('version = "')[1].split('"')[0]
    result = {
        "nodes": nodes,
        "matrix": graph.adjacency_matrix.tolist(),
        "program": f"circuit-tracer {number}",
        "library": version("transformer-lens"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
