"""Prints the attribution graph that circuit-tracer computes, as JSON; graphs.py runs it.

Reads a JSON object from the standard input: the F32 GGUF file of a Llama, a text, a kind of
transcoders, and a directory to which random ones of this kind are written.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import huggingface_hub.constants
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

# Removed from the package since; the program imports it to download files.
huggingface_hub.constants.HF_HUB_ENABLE_HF_TRANSFER = False

from circuit_tracer.attribution.attribute_transformerlens import attribute  # noqa: E402
from circuit_tracer.replacement_model.replacement_model_transformerlens import (  # noqa: E402
    TransformerLensReplacementModel,
)
from circuit_tracer.transcoder import SingleLayerTranscoder, TranscoderSet  # noqa: E402
from circuit_tracer.transcoder.activation_functions import JumpReLU  # noqa: E402
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder  # noqa: E402
from transformer_lens import HookedTransformerConfig  # noqa: E402
from transformer_lens.pretrained.weight_conversions import convert_llama_weights  # noqa: E402

# The hook points that transcoders read, the norm before its gain, and write.
HOOKS = "ln2.hook_normalized", "hook_mlp_out"
FEATURES = 64
# Pre-activations are about normal with deviation 1: about 5 features are active per token.
THRESHOLD = 1.5


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


def single_layer(cfg, kind: str) -> TranscoderSet:
    transcoders = {}
    for layer in range(cfg.n_layers):
        threshold = torch.full((FEATURES,), THRESHOLD)
        one = SingleLayerTranscoder(
            *(cfg.d_model, FEATURES, JumpReLU(threshold, 0.1), layer),
            skip_connection=kind == "skip",
            dtype=torch.float32,
        )
        with torch.no_grad():
            for name, values in one.named_parameters():
                if "threshold" not in name:
                    values.copy_(torch.randn_like(values) / cfg.d_model**0.5)
        transcoders[layer] = one
    return TranscoderSet(transcoders, *HOOKS)


def cross_layer(cfg) -> CrossLayerTranscoder:
    result = CrossLayerTranscoder(
        cfg.n_layers,
        FEATURES,
        cfg.d_model,
        "jump_relu",
        lazy_decoder=False,
        feature_input_hook=HOOKS[0],
        feature_output_hook=HOOKS[1],
        dtype=torch.float32,
    )
    with torch.no_grad():
        for name, values in result.named_parameters():
            random = torch.randn_like(values) / cfg.d_model**0.5
            threshold = torch.full_like(values, THRESHOLD)
            values.copy_(threshold if "threshold" in name else random)
    return result


def random_transcoders(cfg, kind: str, directory: Path):
    """Returns random transcoders, and writes them as the program does."""
    torch.manual_seed(0)
    result = cross_layer(cfg) if kind == "cross-layer" else single_layer(cfg, kind)
    result.to_safetensors(str(directory))
    into, out = HOOKS
    config = f'feature_input_hook: "{into}"\nfeature_output_hook: "{out}"\n'
    (directory / "config.yaml").write_text(config)
    return result


def main():
    job = json.load(sys.stdin)
    path = Path(job["model"])
    source = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    cfg = configuration(source.config)
    layers = range(cfg.n_layers)
    transcoders = random_transcoders(cfg, job["kind"], Path(job["directory"]))
    state = convert_llama_weights(source, cfg)
    model = TransformerLensReplacementModel.from_config(cfg, transcoders)
    # The program moves feed-forward blocks into modules of its own.
    state = {name.replace(".mlp.", ".mlp.old_mlp."): value for name, value in state.items()}
    state = {name.replace("unembed.", "unembed.old_unembed."): value for name, value in state.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    wrong = [name for name in missing if "transcoders" not in name and ("W_" in name or name.endswith(".w"))]
    assert not wrong and not unexpected, (wrong, unexpected)
    model.tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    tokens = model.tokenizer(job["text"], add_special_tokens=False).input_ids
    # The program would prepend a special token.
    model.ensure_tokenized = lambda prompt: prompt
    with torch.enable_grad():
        graph = attribute(torch.tensor(tokens), model, batch_size=64)
    n = len(tokens)
    active = graph.active_features[graph.selected_features].tolist()
    nodes = [("feature", f, f"L{l}.F{f}@{p}") for l, p, f in active]
    nodes += [("error", -1, f"L{l}.error@{p}") for l in layers for p in range(n)]
    nodes += [("token", t, f"embed@{p}") for p, t in enumerate(tokens)]
    nodes += [("logit", target.vocab_idx, "") for target in graph.logit_targets]
    tracer = Path(sys.modules["circuit_tracer"].__file__).parents[1] / "pyproject.toml"
    number = tracer.read_text().split('version = "')[1].split('"')[0]
    result = {
        "tokens": tokens,
        "nodes": nodes,
        "matrix": graph.adjacency_matrix.tolist(),
        "program": f"circuit-tracer {number}",
        "library": version("transformer-lens"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
