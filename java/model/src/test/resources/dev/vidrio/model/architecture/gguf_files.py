"""Writes GGUF files by llama.cpp's converter, also for models that it does not support."""

import json
import re
import sys
import unittest.mock
from pathlib import Path

import numpy as np
import torch
from configurations import DELTA_RULES, VOCABULARY
from safetensors.numpy import load_file

# Norms after sublayers. Converters of models without such norms do not support them.
NORMS_AFTER = {
    "axk1": {"post_mlp_layernorm": "post_ffw_norm"},
    "flex_olmo": {
        "post_attention_layernorm": "post_attention_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    },
    "hyperclovax": {"post_norm1": "post_attention_norm", "post_norm2": "post_ffw_norm"},
}

# GGUF tensor names of models that resemble no model of llama.cpp.
LAYER_OF_DECODER = r"model.decoder.layers.(\d+)"
LAYER_OF_TRANSFORMER = r"transformer.h.(\d+)"
LAYER = r"model.layers.(\d+)"
TENSORS = {
    "gpt_neo": {
        r"transformer.wte": "token_embd",
        r"transformer.wpe": "position_embd",
        r"transformer.ln_f": "output_norm",
        LAYER_OF_TRANSFORMER + r".ln_1": r"blk.\1.attn_norm",
        LAYER_OF_TRANSFORMER + r".ln_2": r"blk.\1.ffn_norm",
        LAYER_OF_TRANSFORMER + r".attn.attention.out_proj": r"blk.\1.attn_output",
        LAYER_OF_TRANSFORMER + r".attn.attention.(.)_proj": r"blk.\1.attn_\2",
        LAYER_OF_TRANSFORMER + r".mlp.c_fc": r"blk.\1.ffn_up",
        LAYER_OF_TRANSFORMER + r".mlp.c_proj": r"blk.\1.ffn_down",
    },
    "lfm3": {
        r"model.embed_tokens": "token_embd",
        r"model.embedding_norm": "token_embd_norm",
        LAYER + r".operator_norm": r"blk.\1.attn_norm",
        LAYER + r".post_operator_norm": r"blk.\1.post_attention_norm",
        LAYER + r".ffn_norm": r"blk.\1.ffn_norm",
        LAYER + r".post_ffn_norm": r"blk.\1.post_ffw_norm",
        LAYER + r".self_attn.o_proj": r"blk.\1.attn_output",
        LAYER + r".self_attn.(g_proj|gate_proj)": r"blk.\1.attn_gate",
        LAYER + r".self_attn.(.)_proj": r"blk.\1.attn_\2",
        LAYER + r".self_attn.(._norm)": r"blk.\1.attn_\2",
        LAYER + r".conv": r"blk.\1.shortconv",
        LAYER + r".feed_forward.w1": r"blk.\1.ffn_gate",
        LAYER + r".feed_forward.w2": r"blk.\1.ffn_down",
        LAYER + r".feed_forward.w3": r"blk.\1.ffn_up",
    },
    "olmo_hybrid": {
        r"model.embed_tokens": "token_embd",
        r"model.norm": "output_norm",
        r"lm_head": "output",
        LAYER + r".attention_layer_norm": r"blk.\1.attn_norm",
        LAYER + r".post_feedforward_layernorm": r"blk.\1.post_ffw_norm",
        r"(layers.1).feedforward_layer_norm": r"\1.post_attention_norm",
        LAYER + r".feedforward_layer_norm": r"blk.\1.ffn_norm",
        LAYER + r".(post_attention_norm)": r"blk.\1.\2",
        LAYER + r".self_attn.o_proj": r"blk.\1.attn_output",
        LAYER + r".self_attn.(.)_proj": r"blk.\1.attn_\2",
        LAYER + r".self_attn.(._norm)": r"blk.\1.attn_\2",
        LAYER + r".mlp.(gate|up|down)_proj": r"blk.\1.ffn_\2",
        LAYER + r".linear_attn.(.)_conv1d": r"blk.\1.ssm_conv1d_\2",
        LAYER + r".linear_attn.o_proj": r"blk.\1.ssm_out",
        LAYER + r".linear_attn.a_proj": r"blk.\1.ssm_alpha",
        LAYER + r".linear_attn.b_proj": r"blk.\1.ssm_beta",
        LAYER + r".linear_attn.g_proj": r"blk.\1.attn_gate",
        LAYER + r".linear_attn.(.)_proj": r"blk.\1.attn_\2",
        LAYER + r".linear_attn.o_norm": r"blk.\1.ssm_norm",
        LAYER + r".linear_attn.dt_bias": r"blk.\1.ssm_dt.bias",
        LAYER + r".linear_attn.A_log": r"blk.\1.ssm_a",
    },
    "opt": {
        r"model.decoder.embed_tokens": "token_embd",
        r"model.decoder.embed_positions": "position_embd",
        r"model.decoder.final_layer_norm": "output_norm",
        LAYER_OF_DECODER + r".self_attn_layer_norm": r"blk.\1.attn_norm",
        LAYER_OF_DECODER + r".final_layer_norm": r"blk.\1.ffn_norm",
        LAYER_OF_DECODER + r".self_attn.out_proj": r"blk.\1.attn_output",
        LAYER_OF_DECODER + r".self_attn.(.)_proj": r"blk.\1.attn_\2",
        LAYER_OF_DECODER + r".fc1": r"blk.\1.ffn_up",
        LAYER_OF_DECODER + r".fc2": r"blk.\1.ffn_down",
    },
}
TENSORS["olmo_hybrid-turning"] = TENSORS["olmo_hybrid"]

# Models written without llama.cpp: their keys and GGUF tensor names, in addition to the common ones.
LLAMA_TENSORS = {
    r"model.embed_tokens": "token_embd",
    r"model.norm": "output_norm",
    r"lm_head": "output",
    LAYER + r".input_layernorm": r"blk.\1.attn_norm",
    LAYER + r".post_attention_layernorm": r"blk.\1.ffn_norm",
    LAYER + r".self_attn.o_proj": r"blk.\1.attn_output",
    LAYER + r".self_attn.(.)_proj": r"blk.\1.attn_\2",
    LAYER + r".self_attn.(._norm)": r"blk.\1.attn_\2",
    LAYER + r".self_attn.softmax_offset": r"blk.\1.attn_sinks.weight",
    LAYER + r".mlp.(gate|router).weight": r"blk.\1.ffn_gate_inp.weight",
    LAYER + r".mlp.(gate|up|down)_proj": r"blk.\1.ffn_\2",
    LAYER + r".mlp.shared_experts?.(gate|up|down)_proj": r"blk.\1.ffn_\2_shexp",
    LAYER + r".mlp.experts.(gate|up|down).weight": r"blk.\1.ffn_\2_exps.weight",
}

RECURRENT_GEMMA_TENSORS = {
    r"model.embed_tokens": "token_embd",
    r"model.final_norm": "output_norm",
    LAYER + r".temporal_pre_norm": r"blk.\1.attn_norm",
    LAYER + r".channel_pre_norm": r"blk.\1.ffn_norm",
    LAYER + r".temporal_block.o_proj": r"blk.\1.attn_output",
    LAYER + r".temporal_block.(.)_proj": r"blk.\1.attn_\2",
    LAYER + r".temporal_block.linear_x": r"blk.\1.ssm_in",
    LAYER + r".temporal_block.linear_y": r"blk.\1.attn_gate",
    LAYER + r".temporal_block.linear_out": r"blk.\1.ssm_out",
    LAYER + r".temporal_block.conv_1d": r"blk.\1.ssm_conv1d",
    LAYER + r".temporal_block.rg_lru.(input|recurrent)_gate_": r"blk.\1.ssm_\2_gate.",
    LAYER + r".temporal_block.rg_lru.recurrent_param": r"blk.\1.ssm_a",
    LAYER + r".mlp_block.(gate|up|down)_proj": r"blk.\1.ffn_\2",
}


def recurrent_gemma_tensors(tensors: dict) -> dict:
    """Returns the tensors with the names, layouts and values of GGUF."""
    renamed = {}
    for key, value in tensors.items():
        for pattern, replacement in RECURRENT_GEMMA_TENSORS.items():
            key = re.sub(f"^{pattern}", replacement, key)
        if key.endswith("norm.weight"):
            value = 1 + value
        elif key.endswith("ssm_a"):
            value = -8 * np.logaddexp(0, value)
        elif key.endswith("ssm_conv1d.weight"):
            value = value.squeeze(1)
        elif key.endswith("_gate.weight") and value.ndim == 3:
            value = value.swapaxes(1, 2)  # inputs by outputs
        renamed[key] = value
    return renamed


def flint_keys(config: dict) -> dict:
    return {
        "attention.sliding_window": config["sliding_window"],
        "attention.sliding_window_pattern": [
            kind == "sliding_attention" for kind in config["layer_types"]
        ],
        "expert_count": config["num_experts"],
        "expert_used_count": config["num_experts_per_tok"],
        "expert_feed_forward_length": config["moe_intermediate_size"],
        "expert_shared_feed_forward_length": config["shared_expert_intermediate_size"],
        "expert_gating_func": 2,
        "expert_weights_norm": config["norm_topk_prob"],
        "leading_dense_block_count": len(config["mlp_only_layers"]),
    }


def aria_keys(config: dict) -> dict:
    return {
        "expert_count": config["moe_num_experts"],
        "expert_used_count": config["moe_topk"],
        "expert_feed_forward_length": config["intermediate_size"],
        "expert_shared_count": config["moe_num_shared_experts"],
    }


def recurrent_gemma_keys(config: dict) -> dict:
    types = config["block_types"] * config["num_hidden_layers"]
    return {
        "feed_forward_length": config["intermediate_size"] // 2,
        "attention.head_count_kv": [
            config["num_key_value_heads"] if kind == "attention" else 0
            for kind in types[: config["num_hidden_layers"]]
        ],
        "attention.sliding_window": config["attention_window_size"],
        "final_logit_softcapping": config["logits_soft_cap"],
        "rope.dimension_count": config["head_dim"] // 2,
        "ssm.inner_size": config["lru_width"],
        "ssm.group_count": config["num_attention_heads"],
        "ssm.conv_kernel": config["conv1d_width"],
    }


OWN_KEYS = {"aria": aria_keys, "flint": flint_keys, "recurrent_gemma": recurrent_gemma_keys}

# Classes that use the converter of another class: llama.cpp has MPT under the class name of its
# original code, and lacks some others.
RELATIVES = {
    "MptForCausalLM": "MPTForCausalLM",
    "Mistral4ForCausalLM": "Ministral3ForCausalLM",
    "VaultGemmaForCausalLM": "Gemma2ForCausalLM",
    "FlexOlmoForCausalLM": "OlmoeForCausalLM",
    "AXK1ForCausalLM": "DeepseekV3ForCausalLM",
    "CwmForCausalLM": "LlamaForCausalLM",
    "HeliumForCausalLM": "Ernie4_5ForCausalLM",
    "SarvamMLAForCausalLM": "DeepseekV3ForCausalLM",
}

# Models that llama.cpp's converter handles as another model.
OWN_NAMES = {
    name: name
    for name in ("axk1", "bitnet-b1.58", "cwm", "flex_olmo", "hyperclovax", "nanochat", *TENSORS)
} | {
    "hyperclovax-pre-norm": "hyperclovax",
    "olmo_hybrid-turning": "olmo_hybrid",
    "vaultgemma": "vaultgemma",
}


def put(writer, key: str, value) -> None:
    """Adds a key with the type of its value."""
    if isinstance(value, list):
        writer.add_array(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    else:
        writer.add_float32(key, value)


def stacked_experts(tensors: dict) -> dict:
    """Stacks the matrices of experts as in GGUF: one tensor per part, [experts, out, in]."""
    stacked, experts = {}, {}
    for key, value in tensors.items():
        prefix, _, name = key.partition(".experts.")
        parts = {}
        if name == "fc1.weight":  # [in, out], gate and up concatenated
            parts = dict(zip(("gate", "up"), np.split(value.swapaxes(1, 2), 2, axis=1)))
        elif name == "fc2.weight":
            parts = {"down": value.swapaxes(1, 2)}
        elif name:
            part = name.split(".")[1].removesuffix("_proj")
            experts.setdefault(f"{prefix}.experts.{part}.weight", []).append(value)
        else:
            stacked[key] = value
        stacked |= {f"{prefix}.experts.{part}.weight": v for part, v in parts.items()}
    return stacked | {key: np.stack(values) for key, values in experts.items()}


def write(directory: Path, name: str) -> None:
    """Writes the GGUF file of a model that llama.cpp does not support."""
    import gguf
    from gguf.quants import quantize

    config = json.loads((directory / "config.json").read_text())
    heads = config["num_attention_heads"]
    keys = {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": heads,
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": config["head_dim"],
        "attention.value_length": config["head_dim"],
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "rope.dimension_count": config["head_dim"],
        "rope.freq_base": config["rope_parameters"]["rope_theta"],
        "vocab_size": config["vocab_size"],
    }
    writer = gguf.GGUFWriter(directory / "model.gguf", name)
    writer.add_tokenizer_model("none")
    for key, value in (keys | OWN_KEYS[name](config)).items():
        put(writer, f"{name}.{key}", value)
    bf16 = gguf.GGMLQuantizationType.BF16
    tensors = load_file(directory / "model.safetensors")
    own = name == "recurrent_gemma"
    for key, value in (recurrent_gemma_tensors if own else stacked_experts)(tensors).items():
        for pattern, replacement in LLAMA_TENSORS.items():
            key = re.sub(f"^{pattern}(?![a-z_])", replacement, key)
        value = np.ascontiguousarray(value)
        matrix = value.ndim > 1 and not re.search(r"ffn_gate_inp|conv1d|bias$", key)
        data = quantize(value, bf16) if matrix else value
        writer.add_tensor(key, data, raw_dtype=bf16 if matrix else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def convert(llama_cpp: Path, directory: Path, name: str) -> None:
    """Runs llama.cpp's converter with a tokenizer of arbitrary tokens, since it requires one."""
    if name in OWN_KEYS:
        write(directory, name)
        return
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import conversion
    import gguf
    from conversion.base import TextModel

    hparams = json.loads((directory / "config.json").read_text())
    architecture = hparams["architectures"][0]
    architecture = RELATIVES.get(architecture, architecture)
    plain = name in ("plamo", "gptj", "nanochat", *TENSORS) or name.startswith("hyperclovax")
    kind = TextModel if plain else conversion.get_model_class(architecture)
    # The converter of Mistral 3 delegates to it.
    kind = getattr(kind, "Mistral4Model" if name == "mistral4" else "Ministral3Model", kind)
    # The converter of Baichuan does not end, that of PLaMo supports 13B only, GPT-J has none.
    others = {
        "baichuan": gguf.MODEL_ARCH.BAICHUAN,
        "baichuan-13b": gguf.MODEL_ARCH.BAICHUAN,
        "plamo": gguf.MODEL_ARCH.PLAMO,
        "gptj": gguf.MODEL_ARCH.GPTJ,
        "nanochat": gguf.MODEL_ARCH.ARCEE,
        "gpt_neo": gguf.MODEL_ARCH.GPT2,
        "opt": gguf.MODEL_ARCH.GPT2,
        "lfm3": gguf.MODEL_ARCH.LFM2,
        "olmo_hybrid": gguf.MODEL_ARCH.QWEN3NEXT,
        "olmo_hybrid-turning": gguf.MODEL_ARCH.QWEN3NEXT,
        "hyperclovax": gguf.MODEL_ARCH.GRANITE,
        "hyperclovax-pre-norm": gguf.MODEL_ARCH.GRANITE,
    }
    # The converter of Gemma 3 drops embeddings without a token.
    tokenizer = directory / "tokenizer.json"
    vocabulary = {f"token{i}": i for i in range(VOCABULARY)}
    tokenizer.write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))

    after, tensors = NORMS_AFTER.get(name, {}), TENSORS.get(name)
    lfm3, opt, olmo_hybrid = name == "lfm3", name == "opt", name.startswith("olmo_hybrid")

    class Converter(kind):
        model_arch = others.get(name) or kind.model_arch
        # Draft layers: the configuration does not count them, or counts absent ones.
        no_mtp = name == "mimo2" or name in DELTA_RULES

        def set_vocab(self):
            self.gguf_writer.add_tokenizer_model("none")

        def set_gguf_parameters(self):
            if lfm3:
                kv_heads, types = self.hparams["num_key_value_heads"], hparams["layer_types"]
                self.hparams["num_key_value_heads"] = [
                    0 if kind == "conv" else kv_heads for kind in types
                ]
                self.gguf_writer.add_sliding_window(hparams["sliding_window"])
                slides = [kind == "sliding_attention" for kind in types]
                self.gguf_writer.add_sliding_window_pattern(slides)
                self.gguf_writer.add_shortconv_l_cache(hparams["conv_L_cache"])
            if olmo_hybrid:
                heads, types = hparams["linear_num_value_heads"], hparams["layer_types"]
                self.hparams["num_key_value_heads"] = [
                    hparams["num_key_value_heads"] if kind == "full_attention" else 0
                    for kind in types
                ]
                self.gguf_writer.add_ssm_group_count(hparams["linear_num_key_heads"])
                self.gguf_writer.add_ssm_time_step_rank(heads)
                self.gguf_writer.add_ssm_state_size(hparams["linear_key_head_dim"])
                self.gguf_writer.add_ssm_inner_size(heads * hparams["linear_value_head_dim"])
                self.gguf_writer.add_ssm_conv_kernel(hparams["linear_conv_kernel_dim"])
                most = 2.0 if hparams["linear_allow_neg_eigval"] else 1.0
                self.gguf_writer.add_float32("olmo_hybrid.ssm.beta_scale", most)
            super().set_gguf_parameters()
            if name in ("mistral", "starcoder2"):
                self.gguf_writer.add_sliding_window(hparams["sliding_window"])
            if not hparams.get("norm_topk_prob", True):
                self.gguf_writer.add_expert_weights_norm(False)
            if name == "chatglm":
                self.gguf_writer.add_context_length(hparams["max_position_embeddings"])
            if name == "cwm":
                slides = [kind == "sliding_attention" for kind in hparams["layer_types"]]
                self.gguf_writer.add_sliding_window(hparams["sliding_window"])
                self.gguf_writer.add_sliding_window_pattern(slides)
            if name == "gptj":
                self.gguf_writer.add_rope_dimension_count(hparams["rotary_dim"])
            if name == "mistral4":
                rope = hparams["rope_parameters"]
                self.gguf_writer.add_attn_temperature_scale(rope["llama_4_scaling_beta"])
            if name == "nanochat":
                self.gguf_writer.add_final_logit_softcapping(hparams["final_logit_softcapping"])
            if name == "gpt_neo":
                self.gguf_writer.add_head_count(hparams["num_heads"])
                self.gguf_writer.add_feed_forward_length(4 * hparams["hidden_size"])
                self.gguf_writer.add_sliding_window(hparams["window_size"])
                local = [kind == "local" for kind in hparams["attention_layers"]]
                self.gguf_writer.add_sliding_window_pattern(local)
            if name == "opt":
                self.gguf_writer.add_feed_forward_length(hparams["ffn_dim"])
                self.gguf_writer.add_layer_norm_eps(1e-5)
            if name.startswith("hyperclovax"):
                self.gguf_writer.add_attention_scale(hparams["attention_multiplier"])
                self.gguf_writer.add_embedding_scale(hparams["embedding_multiplier"])
                self.gguf_writer.add_residual_scale(hparams["residual_multiplier"])
                self.gguf_writer.add_logit_scale(hparams["logits_scaling"])
            if name == "vaultgemma":
                slides = [kind == "sliding_attention" for kind in hparams["layer_types"]]
                self.gguf_writer.add_sliding_window_pattern(slides)
                self.gguf_writer.add_attention_scale(hparams["query_pre_attn_scalar"] ** -0.5)
            if name.startswith("llama4"):
                self.gguf_writer.add_sliding_window(hparams["attention_chunk_size"])
                self.gguf_writer.add_attn_temperature_length(hparams["floor_scale"])
                self.gguf_writer.add_attn_temperature_scale(hparams["attn_scale"])

        def modify_tensors(self, data_torch, name, bid):
            if tensors:
                for pattern, replacement in tensors.items():
                    name = re.sub(pattern, replacement, name)
                # The first rows of OPT's position embedding are unused.
                skipped = 2 if opt and name == "position_embd.weight" else 0
                values = data_torch.squeeze()[skipped:]
                yield name, -torch.exp(values) if name.endswith("ssm_a") else values
                return
            norm = name.split(".")[-2]
            if norm in after:
                yield f"blk.{bid}.{after[norm]}.weight", data_torch
                return
            # The converter of BitNet expects other names of norms.
            name = name.replace("attn_sub_norm", "inner_attn_ln")
            name = name.replace("ffn_sub_norm", "ffn_layernorm")
            # The converter of StableLM returns stacked norms from a generator, which drops them.
            stacked = yield from super().modify_tensors(data_torch, name, bid)
            yield from stacked or ()

        def generate_extra_tensors(self):
            yield from super().generate_extra_tensors()
            if lfm3:  # half of the pairs are not rotated
                pairs = hparams["head_dim"] // 2
                yield "rope_freqs.weight", torch.tensor([1.0, 1e30]).repeat_interleave(pairs // 2)

        def weight_quant(self, weight):
            return weight  # the converter of BitNet makes it ternary

    out = directory / "model.gguf"
    # Some converters read derived attributes as if they were in the configuration file.
    as_said = ("axk1", "nemotron_h", "sarvam-moe", "step35")
    said = dict(hparams=hparams) if name.startswith(as_said) else {}
    bf16 = gguf.LlamaFileType.MOSTLY_BF16
    own = {Converter.model_arch: OWN_NAMES[name]} if name in OWN_NAMES else {}
    with unittest.mock.patch.dict(gguf.MODEL_ARCH_NAMES, own):
        Converter(directory, bf16, out, eager=True, model_name=name, **said).write()
    tokenizer.unlink()
