"""Writes checkpoints with the names and layouts of the models' original code."""

import json
import math
import re
from pathlib import Path

import gguf
import numpy as np
from configurations import LATENT_YARN, LAYERS, LLAMA3_ROPE, PLAIN_ROPE
from safetensors.numpy import load_file, save_file

# Models that transformers lacks, or has under other names. A model with equal arithmetic is drawn and
# written in the original format. The table has keys of the configuration and names of tensors. A key
# with the value None is removed.
ORIGINALS = {
    "exaone": (
        dict(
            architectures=["ExaoneForCausalLM"],
            model_type="exaone",
            activation_function="silu",
            num_layers=2,
            layer_norm_epsilon=1e-6,
        ),
        {
            r"model.embed_tokens": "transformer.wte",
            r"model.norm": "transformer.ln_f",
            r"model.layers.(\d+).input_layernorm": r"transformer.h.\1.ln_1",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.h.\1.ln_2",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.h.\1.attn.attention.out_proj",
            r"model.layers.(\d+).self_attn": r"transformer.h.\1.attn.attention",
            r"model.layers.(\d+).mlp.gate_proj": r"transformer.h.\1.mlp.c_fc_0",
            r"model.layers.(\d+).mlp.up_proj": r"transformer.h.\1.mlp.c_fc_1",
            r"model.layers.(\d+).mlp.down_proj": r"transformer.h.\1.mlp.c_proj",
        },
    ),
    "internlm2": (
        dict(architectures=["InternLM2ForCausalLM"], model_type="internlm2", bias=False),
        {
            r"lm_head": "output",
            r"model.embed_tokens": "model.tok_embeddings",
            r"(layers.\d+.)input_layernorm": r"\1attention_norm",
            r"(layers.\d+.)post_attention_layernorm": r"\1ffn_norm",
            r"(layers.\d+.)self_attn.o_proj": r"\1attention.wo",
            r"(layers.\d+.)self_attn": r"\1attention",
            r"mlp.gate_proj": "feed_forward.w1",
            r"mlp.up_proj": "feed_forward.w3",
            r"mlp.down_proj": "feed_forward.w2",
        },
    ),
    "minicpm": (
        dict(
            architectures=["MiniCPMForCausalLM"],
            model_type="minicpm",
            scale_emb=6.0,
            scale_depth=1.4,
            dim_model_base=8,
        ),
        {},
    ),
    "deepseek": (
        dict(
            architectures=["DeepseekForCausalLM"],
            model_type="deepseek",
            scoring_func="softmax",
            norm_topk_prob=False,
            first_k_dense_replace=1,
            moe_layer_freq=1,
            n_routed_experts=5,
            num_experts_per_tok=2,
            n_shared_experts=2,
            moe_intermediate_size=24,
        ),
        {},
    ),
    "granite4": (dict(layer_types=["attention", "attention"]), {}),
    "granitehybrid": (dict(layer_types=["mamba", "attention", "mamba"]), {}),
    "granitehybrid-experts": (dict(layer_types=["mamba", "attention", "mamba"]), {}),
    "nemotron_h": (
        dict(hybrid_override_pattern="M*-M-", layers_block_type=None)
        | dict(num_hidden_layers=5)
        | dict.fromkeys(("n_routed_experts", "num_experts_per_tok", "n_group", "topk_group")),
        {},
    ),
    "nemotron_h_moe": (
        dict(hybrid_override_pattern="M*EME", layers_block_type=None, num_hidden_layers=5),
        {},
    ),
    "xverse": (dict(architectures=["XverseForCausalLM"], model_type="xverse"), {}),
    "orion": (
        dict(architectures=["OrionForCausalLM"], model_type="orion", rms_norm_eps=1e-5),
        {},
    ),
    "refact": (
        dict(architectures=["GPTRefactForCausalLM"], layer_norm_epsilon=1e-6, n_positions=128)
        | dict(n_embd=32, n_head=4),
        {
            r"model.embed_tokens": "transformer.wte",
            r"model.norm": "transformer.ln_f",
            r"model.layers.(\d+).input_layernorm": r"transformer.h.\1.ln_1",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.h.\1.ln_2",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.h.\1.attn.c_proj",
            r"model.layers.(\d+).self_attn.q_proj": r"transformer.h.\1.attn.q",
            r"model.layers.(\d+).self_attn": r"transformer.h.\1.attn",
            r"model.layers.(\d+).mlp.down_proj": r"transformer.h.\1.mlp.c_proj",
            r"model.layers.(\d+).mlp": r"transformer.h.\1.mlp",
        },
    ),
    "jais": (
        dict(architectures=["JAISLMHeadModel"], activation_function="swiglu", n_positions=128)
        | dict(position_embedding_type="alibi", embeddings_scale=1.0, width_scale=1.0)
        | dict(n_embd=32, n_head=4, n_inner=48, layer_norm_epsilon=1e-5),
        {
            r"model.embed_tokens": "transformer.wte",
            r"model.norm": "transformer.ln_f",
            r"model.layers.(\d+).input_layernorm": r"transformer.h.\1.ln_1",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.h.\1.ln_2",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.h.\1.attn.c_proj",
            r"model.layers.(\d+).self_attn": r"transformer.h.\1.attn",
            r"model.layers.(\d+).mlp.gate_proj": r"transformer.h.\1.mlp.c_fc2",
            r"model.layers.(\d+).mlp.up_proj": r"transformer.h.\1.mlp.c_fc",
            r"model.layers.(\d+).mlp.down_proj": r"transformer.h.\1.mlp.c_proj",
        },
    ),
    "plamo": (dict(architectures=["PlamoForCausalLM"], rms_norm_eps=1e-6), {}),
    "codeshell": (
        dict(architectures=["CodeShellForCausalLM"], layer_norm_epsilon=1e-5, n_positions=128)
        | dict(n_embd=32, n_head=4, num_query_groups=2),
        {
            r"model.embed_tokens": "transformer.wte",
            r"model.norm": "transformer.ln_f",
            r"model.layers.(\d+).input_layernorm": r"transformer.h.\1.ln_1",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.h.\1.ln_2",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.h.\1.attn.c_proj",
            r"model.layers.(\d+).self_attn": r"transformer.h.\1.attn",
            r"model.layers.(\d+).mlp": r"transformer.h.\1.mlp",
        },
    ),
    "qwen": (
        dict(architectures=["QWenLMHeadModel"], intermediate_size=2 * 48),
        {
            r"model.embed_tokens": "transformer.wte",
            r"model.norm": "transformer.ln_f",
            r"model.layers.(\d+).input_layernorm": r"transformer.h.\1.ln_1",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.h.\1.ln_2",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.h.\1.attn.c_proj",
            r"model.layers.(\d+).self_attn": r"transformer.h.\1.attn",
            r"model.layers.(\d+).mlp.gate_proj": r"transformer.h.\1.mlp.w2",
            r"model.layers.(\d+).mlp.up_proj": r"transformer.h.\1.mlp.w1",
            r"model.layers.(\d+).mlp.down_proj": r"transformer.h.\1.mlp.c_proj",
        },
    ),
    "bailingmoe": (
        dict(architectures=["BailingMoeForCausalLM"], model_type="bailing_moe")
        | dict(first_k_dense_replace=0, num_experts=5, num_experts_per_tok=2)
        | dict(num_shared_experts=2, norm_topk_prob=True),
        {
            r"model.embed_tokens": "model.word_embeddings",
            r"self_attn.o_proj": "attention.dense",
            r"self_attn": "attention",
        },
    ),
    "phimoe": (
        dict(architectures=["PhiMoEForCausalLM"], rope_theta=1000000.0)
        | dict(original_max_position_embeddings=128),
        {},
    ),
    "phimoe-longrope": (dict(architectures=["PhiMoEForCausalLM"], rope_theta=10000.0), {}),
    "llama4": (dict(rope_theta=500000.0), {}),
    "qwen3vlmoe": ({}, {}),
    "llama4-interleaved": (dict(rope_theta=10000.0), {}),
    "minimax-m2": (
        dict(rotary_dim=8, rope_theta=10000.0, rope_parameters=None, scoring_func="sigmoid"),
        {},
    ),
    "bailingmoe2": (
        dict(architectures=["BailingMoeV2ForCausalLM"], model_type="bailing_moe", num_experts=8)
        | dict(num_shared_experts=1, score_function="sigmoid", rope_parameters=None)
        | dict(num_nextn_predict_layers=0)
        | dict(moe_shared_expert_intermediate_size=16, rope_theta=10000.0),
        {
            r"model.embed_tokens": "model.word_embeddings",
            r"self_attn.o_proj": "attention.dense",
            r"self_attn.q_norm": "attention.query_layernorm",
            r"self_attn.k_norm": "attention.key_layernorm",
            r"self_attn": "attention",
            r"e_score_correction_bias": "expert_bias",
        },
    ),
    "plm": (
        dict(architectures=["PLMForCausalLM"])
        | dict.fromkeys(["n_routed_experts", "num_experts_per_tok", "n_group", "topk_group"]),
        {},
    ),
    "smallthinker": (
        dict(architectures=["SmallThinkerForCausalLM"], moe_num_primary_experts=5)
        | dict(moe_num_active_primary_experts=2, moe_ffn_hidden_size=24)
        | dict(moe_primary_router_apply_softmax=False, sliding_window_size=8)
        | dict(sliding_window_layout=[0, 1, 1, 1, 0]),
        {r"(layers.\d+.)mlp": r"\1block_sparse_moe"},
    ),
    # Its converter reads layers without RoPE from another key, and that of MiMo reads the keys of
    # the original code.
    "granite_swa": (dict(no_rope_layers=[0, 1, 1, 1, 0]), {}),
    "maincoder": (
        dict(architectures=["MaincoderForCausalLM"], model_type="maincoder"),
        {r"query_layernorm": "q_norm", r"key_layernorm": "k_norm"},
    ),
    "solar-open": (dict(partial_rotary_factor=1.0, first_k_dense_replace=0), {}),
    "mimo2": (
        dict(hybrid_layer_pattern=[0, 1, 0], moe_layer_freq=[0, 1, 1], swa_head_dim=12)
        | dict(swa_num_attention_heads=4, swa_num_key_value_heads=2, swa_v_head_dim=8)
        | dict(topk_method="noaux_tc", scoring_func="sigmoid", partial_rotary_factor=0.334)
        | dict(rope_theta=500000.0, swa_rope_theta=10000.0)
        | dict(rope_parameters=PLAIN_ROPE | dict(rope_theta=500000.0, partial_rotary_factor=0.334))
        | dict(add_swa_attention_sink_bias=True, add_full_attention_sink_bias=False),
        {},
    ),
    "internlm3": (
        dict(architectures=["InternLM3ForCausalLM"], rope_theta=50000.0, rope_parameters=None)
        | dict(rope_scaling=dict(rope_type="dynamic", factor=6.0), qkv_bias=True, bias=True),
        {},
    ),
    "helium": (dict(rope_theta=10000.0, rope_parameters=None), {}),
    "cwm": (
        dict(rope_theta=1e6, rope_parameters=None, rope_scaling=LLAMA3_ROPE),
        {},
    ),
    # transformers already writes these names.
    "sarvam-moe": (
        dict(architectures=["SarvamMoEForCausalLM"], num_experts=8, num_shared_experts=1)
        | dict(n_routed_experts=None, n_shared_experts=None, score_function="sigmoid")
        | dict(rope_theta=10000.0, rope_parameters=None, moe_shared_expert_intermediate_size=16),
        {},
    ),
    "sarvam-mla": (
        dict(architectures=["SarvamMLAForCausalLM"], num_experts=5, num_shared_experts=1)
        | dict(n_routed_experts=None, n_shared_experts=None, rope_theta=10000.0)
        | dict(rope_scaling=dict(LATENT_YARN, type="deepseek_yarn", mscale=1.0, mscale_all_dim=1.0))
        | dict(rope_parameters=None, head_dim=20, q_head_dim=12),
        {},
    ),
    "openelm": (
        dict(architectures=["OpenELMForCausalLM"], model_dim=32, num_kv_heads=[1, 3])
        | dict(num_query_heads=[2, 6], ffn_multipliers=[1.0, 2.0], ffn_dim_divisor=32)
        | dict(num_transformer_layers=2, max_context_length=128, rope_freq_constant=10000),
        {
            r"model.embed_tokens": "transformer.token_embeddings",
            r"model.norm": "transformer.norm",
            r"model.layers.(\d+).input_layernorm": r"transformer.layers.\1.attn_norm",
            r"model.layers.(\d+).post_attention_layernorm": r"transformer.layers.\1.ffn_norm",
            r"model.layers.(\d+).self_attn.o_proj": r"transformer.layers.\1.attn.out_proj",
            r"model.layers.(\d+).self_attn": r"transformer.layers.\1.attn",
            r"model.layers.(\d+).mlp.down_proj": r"transformer.layers.\1.ffn.proj_2",
            r"model.layers.(\d+).mlp": r"transformer.layers.\1.ffn",
        },
    ),
    "deci": (
        dict(
            architectures=["DeciLMForCausalLM"],
            model_type="nemotron-nas",
            block_configs=[
                dict(
                    attention=dict(
                        n_heads_in_group=heads // kv_heads if kv_heads else None,
                        replace_with_linear=heads > 0 and kv_heads == 0,
                    ),
                    ffn=dict(ffn_mult=width * 3 / 2 / 16 if width else None),
                )
                for heads, kv_heads, width in LAYERS["deci"]
            ],
        ),
        {},
    ),
    "step35": (
        dict(architectures=["Step3p5ForCausalLM"], per_layer_config=None, rope_parameters=None)
        | dict(rope_theta=[50000.0, 10000.0, 10000.0, 50000.0], rope_scaling=LLAMA3_ROPE)
        | dict(partial_rotary_factors=[0.5, 1.0, 1.0, 0.5], moe_layers_enum="1,2,3")
        | dict(attention_other_setting=dict(num_attention_heads=6, num_attention_groups=2))
        | dict(num_attention_groups=2, num_key_value_heads=None, norm_expert_weight=True)
        | dict(moe_num_experts=5, n_routed_experts=None, moe_top_k=2, num_experts_per_tok=None),
        {
            r"mlp.gate.e_score_correction_bias": "moe.router_bias",
            r"mlp.gate.weight": "moe.gate.weight",
            r"mlp.experts.(\w+)": r"moe.\1.weight",
            r"mlp.shared_experts": "share_expert",
        },
    ),
    "axk1": (dict(first_k_dense_replace=1, mlp_layer_types=None), {}),
    "arctic": (
        dict(architectures=["ArcticForCausalLM"], model_type="arctic", num_local_experts=5)
        | dict(num_experts_per_tok=2, rope_theta=10000.0),
        {
            r"(layers.\d+.)post_attention_layernorm": r"\1residual_layernorm",
            r"experts_layernorm": "post_attention_layernorm",
            r"mlp.gate_proj": "residual_mlp.w1",
            r"mlp.down_proj": "residual_mlp.w2",
            r"mlp.up_proj": "residual_mlp.w3",
        },
    ),
    "plamo3": (
        dict(architectures=["Plamo3ForCausalLM"], model_type="plamo3", window_size=8)
        | dict(sliding_window_pattern=2, rope_theta=500000.0, rope_local_theta=10000.0)
        | dict(rope_parameters=None, layer_types=None, query_pre_attn_scalar=None),
        {
            r"model.layers": "model.layers.layers",
            r"input_layernorm": "pre_mixer_norm",
            r"post_attention_layernorm": "post_mixer_norm",
            r"pre_feedforward_layernorm": "pre_mlp_norm",
            r"post_feedforward_layernorm": "post_mlp_norm",
            r"self_attn": "mixer",
        },
    ),
    "pangu-embedded": (dict(architectures=["PanguEmbeddedForCausalLM"]), {}),
    "hunyuan-moe": (
        dict(moe_intermediate_size=[24, 24], moe_topk=[2, 2], num_shared_expert=[1, 1]),
        {},
    ),
}

# Matrices of a layer that the original stores as one: the parts in order, and the whole.
QKV = ("q_proj", "k_proj", "v_proj")
FUSED = {
    "refact": ((("k_proj", "v_proj"), "kv"), (("gate_proj", "up_proj"), "gate_up_proj")),
    "jais": ((QKV, "c_attn"),),
    "codeshell": ((QKV, "c_attn"),),
    "plamo3": ((QKV, "qkv_proj"), (("gate_proj", "up_proj"), "gate_up_proj")),
    "openelm": ((QKV, "qkv_proj"), (("gate_proj", "up_proj"), "proj_1")),
    "qwen": ((QKV, "c_attn"),),
    "bailingmoe": ((QKV, "query_key_value"),),
    "bailingmoe2": ((QKV, "query_key_value"),),
}

def is_file_alone(model: Path) -> bool:
    """Returns whether the catalog lists the architecture of a GGUF file as one without directories."""
    classes = json.loads((Path(__file__).parent / "architectures.json").read_text())
    field = gguf.GGUFReader(model).get_field("general.architecture")
    return not classes[field.contents()]


def write_original(directory: Path, name: str) -> None:
    """Renames the tensors of a checkpoint as in the model's original code."""
    says, names = ORIGINALS[name]
    path = directory / "config.json"
    config = json.loads(path.read_text()) | says
    config = {key: value for key, value in config.items() if says.get(key, key) is not None}
    path.write_text(json.dumps(config, indent=2) + "\n")
    tensors = {}
    for key, value in load_file(directory / "model.safetensors").items():
        for pattern, replacement in names.items():
            key = re.sub(pattern, replacement, key)
        tensors[key] = value
    for key in [key for key in tensors if name == "deepseek" and ".experts." in key]:
        stack = tensors.pop(key)
        prefix, part = key.rsplit(".", 1)
        parts = {"down_proj": stack}
        if part == "gate_up_proj":
            parts = dict(zip(("gate_proj", "up_proj"), np.split(stack, 2, axis=1)))
        for part, matrices in parts.items():
            for e, matrix in enumerate(matrices):
                tensors[f"{prefix}.{e}.{part}.weight"] = np.ascontiguousarray(matrix)
    for key in [key for key in tensors if name == "step35" and "moe.gate_up" in key]:
        gate, up = np.split(tensors.pop(key), 2, axis=1)
        tensors[key.replace("gate_up", "gate")] = np.ascontiguousarray(gate)
        tensors[key.replace("gate_up", "up")] = np.ascontiguousarray(up)
    for key in [key for key in tensors if name == "qwen3vlmoe" and ".mlp.experts." in key]:
        tensors[key] = np.ascontiguousarray(tensors[key].swapaxes(1, 2))
    if name == "bailingmoe":  # rotary pairs: adjacent in transformers, half a head apart in the original
        for key in [key for key in tensors if key.endswith(("q_proj.weight", "k_proj.weight"))]:
            pairs = tensors[key].reshape(-1, config["head_dim"] // 2, 2, config["hidden_size"])
            tensors[key] = pairs.swapaxes(1, 2).reshape(tensors[key].shape)
    if name == "maincoder":  # rotary pairs: half a head apart in transformers, adjacent in the original
        turning = ("q_proj.weight", "k_proj.weight", "q_norm.weight", "k_norm.weight")
        for key in [key for key in tensors if key.endswith(turning)]:
            width = tensors[key].size // tensors[key].shape[0]
            halves = tensors[key].reshape(-1, 2, config["head_dim"] // 2, width)
            pairs = np.ascontiguousarray(halves.swapaxes(1, 2))
            tensors[key] = pairs.reshape(tensors[key].shape)
    for parts, whole in FUSED.get(name, ()):
        for key in [key for key in tensors if f".{parts[0]}." in key]:
            names = [key.replace(parts[0], part) for part in parts]
            tensors[key.replace(parts[0], whole)] = np.concatenate([tensors.pop(n) for n in names])
    if name == "jais":
        for key in [key for key in tensors if ".c_" in key and key.endswith("weight")]:
            tensors[key] = np.ascontiguousarray(tensors[key].T)
        slopes = 2.0 ** (-8 * np.arange(1, 5) / 4)
        tensors["transformer.relative_pe.slopes"] = slopes.astype(np.float32)
    if name == "plamo3":  # its norms add numbers other than one, and it does not scale
        tensors["model.embed_tokens.weight"] *= math.sqrt(config["hidden_size"])
        for norm, added in (("post_mixer_norm", 1 / 5), ("post_mlp_norm", 5**-1.5)):
            for key in [key for key in tensors if norm in key]:
                tensors[key] = (tensors[key].astype(np.float64) + 1 - added).astype(np.float32)
    if name == "internlm2":
        for l in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{l}.attention."
            tensors[prefix + "wqkv.weight"] = grouped(
                [tensors.pop(f"{prefix}{part}_proj.weight") for part in "qkv"],
                config["num_key_value_heads"],
            )
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def grouped(qkv: list[np.ndarray], kv_heads: int) -> np.ndarray:
    """Returns one matrix with queries, key and value of each key-value head, head by head."""
    parts = [part.reshape(kv_heads, -1, part.shape[-1]) for part in qkv]
    return np.concatenate(parts, axis=1).reshape(-1, qkv[0].shape[-1])
