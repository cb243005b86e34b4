"""Writes the tiny random models that architecture tests compare with.

    python generate.py LLAMA_CPP [NAME…]

Each model gets a directory with

- `config.json` and `model.safetensors`, as transformers writes them, all weights F32 but of values
  that BF16 holds; where the name says so, experts in MXFP4,
- `model.gguf`, the same weights in BF16 (norms and biases in F32), made by llama.cpp's converter in
  the directory LLAMA_CPP,
- `expected.safetensors`: `tokens` int32 [n], and `logits` float32 [n, V] that transformers computes
  after each of them, in F32 and with its plain ("eager") attention; `gradient` float32 [n, d], of
  the sum of each token's own logit after it, with respect to the rows of the embedding table.

Weights are drawn so that every part of the model matters: scores spread over several units, gains
and biases differ from element to element. Texts are longer than the windows.

Needs torch, transformers 4.57.3 (mistral3, gemma3n, gemma4, baichuan to gptj, deepseek and what follows from
it, those with Mamba 2, and vaultgemma to hyperclovax, gpt_neo, opt, lfm3, olmo_hybrid: 5.24), safetensors and gguf.
"""

import argparse
import contextlib
import json
import math
import re
import sys
import unittest.mock
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers.models.llama.modeling_llama import LlamaRMSNorm

VOCABULARY = 64
COUNT = 40

COMMON = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    tie_word_embeddings=False,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
)

LLAMA3_ROPE = dict(
    rope_type="llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)

LONG_ROPE = dict(
    type="longrope",
    short_factor=[1.0, 1.1, 1.25, 1.5],
    long_factor=[1.0, 2.0, 4.0, 8.0],
)

YARN = dict(
    rope_type="yarn",
    factor=8.0,
    original_max_position_embeddings=16,
    beta_fast=4.0,
    beta_slow=1.0,
)

MINISTRAL3_ROPE = YARN | dict(
    rope_theta=10000.0,
    mscale=1.0,
    mscale_all_dim=1.0,
    llama_4_scaling_beta=0.5,
)

GPT_OSS_YARN = YARN | dict(factor=4.0, original_max_position_embeddings=32, truncate=False)

PLAIN_ROPE = dict(rope_type="default", rope_theta=10000.0)

# As the converter has it: the root of 1 + ln 8 / ln 16.
PHI_MOE_ROPE = dict(
    rope_type="longrope",
    rope_theta=10000.0,
    original_max_position_embeddings=16,
    short_mscale=math.sqrt(1.75),
    long_mscale=math.sqrt(1.75),
)

MELLUM_ROPE = dict(
    full_attention=YARN | dict(rope_theta=500000.0),
    sliding_attention=PLAIN_ROPE,
)

MIMO_ROPE = dict(
    full_attention=PLAIN_ROPE | dict(rope_theta=500000.0, partial_rotary_factor=0.334),
    sliding_attention=PLAIN_ROPE | dict(partial_rotary_factor=0.334),
)

# What sees, as small as can be: it is left out.
EYES = {
    "Qwen2VL": dict(depth=1, embed_dim=8, hidden_size=32, num_heads=1, mlp_ratio=1),
    "Qwen3VL": dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=32)
    | dict(num_position_embeddings=4, deepstack_visual_indexes=[]),
}
EYES["Qwen3VLMoe"] = EYES["Qwen3VL"]
EYES["Qwen3_5"] = {k: v for k, v in EYES["Qwen3VL"].items() if k != "deepstack_visual_indexes"}

SMALL_THINKER = "full sliding sliding sliding full".split()

LLAMA4 = dict(
    intermediate_size_mlp=40,
    num_hidden_layers=4,
    num_experts_per_tok=1,
    attention_chunk_size=8,
    floor_scale=8,
    attn_scale=0.5,
)

GEMMA4 = dict(
    head_dim=8,
    global_head_dim=16,
    sliding_window=8,
    intermediate_size=24,
    num_hidden_layers=5,
    layer_types=[f"{kind}_attention" for kind in "sliding sliding full sliding full".split()],
    final_logit_softcapping=5.0,
    tie_word_embeddings=True,
)

LATENT = dict(
    num_key_value_heads=4,
    kv_lora_rank=16,
    qk_nope_head_dim=8,
    qk_rope_head_dim=4,
    v_head_dim=6,
    moe_intermediate_size=24,
    first_k_dense_replace=1,
)

LFM2 = dict(
    num_hidden_layers=4,
    layer_types=["conv", "full_attention", "conv", "conv"],
    norm_eps=1e-5,
    rope_parameters=dict(PLAIN_ROPE, rope_theta=1000000.0),
    tie_word_embeddings=True,
)
LFM3 = dict(
    num_hidden_layers=5,
    layer_types=["conv", "full_attention", "conv", "conv", "sliding_attention"],
    head_dim=12,
    sliding_window=8,
    conv_L_cache=4,
    norm_eps=1e-5,
    rope_parameters=dict(
        full_attention=dict(rope_type="proportional", rope_theta=1e6, partial_rotary_factor=0.5),
        sliding_attention=PLAIN_ROPE,
    ),
    tie_word_embeddings=True,
)
MIXTURE = ("moe_intermediate_size", "first_k_dense_replace")

# A key head of the delta rule has three value heads.
DELTA_RULE = dict(
    num_hidden_layers=3,
    layer_types=["linear_attention", "full_attention", "linear_attention"],
    head_dim=16,
    linear_num_key_heads=2,
    linear_num_value_heads=6,
    linear_key_head_dim=8,
    linear_value_head_dim=8,
    rope_parameters=dict(PLAIN_ROPE, partial_rotary_factor=0.5),
)
DELTA_RULE_MROPE = dict(DELTA_RULE["rope_parameters"], mrope_section=[2, 1, 1])
DELTA_RULES = ("qwen3next", "qwen35", "qwen35moe")
DELTA_RULE_EXPERTS = dict(
    num_experts=5,
    num_experts_per_tok=2,
    moe_intermediate_size=24,
    shared_expert_intermediate_size=20,
)

# As many rows of keys as of values: transformers writes kernels in three equal parts.
OLMO_HYBRID = dict(
    num_hidden_layers=3,
    layer_types=DELTA_RULE["layer_types"],
    linear_num_key_heads=2,
    linear_num_value_heads=4,
    linear_key_head_dim=12,
    linear_value_head_dim=6,
)

# Four heads of each of two groups share keys and queries.
MAMBA2_LAYERS = ["linear_attention", "full_attention", "linear_attention"]
GRANITE_HYBRID = dict(
    num_hidden_layers=3,
    layer_types=MAMBA2_LAYERS,
    mamba_n_heads=8,
    mamba_d_head=8,
    mamba_n_groups=2,
    mamba_d_state=12,
    embedding_multiplier=6.0,
    attention_multiplier=0.5,
    residual_multiplier=0.25,
    logits_scaling=4.0,
    tie_word_embeddings=True,
)


# Multipliers are powers of two: their products with weights are exact in BF16.
FALCON_H1 = dict(
    head_dim=12,
    mamba_d_ssm=48,
    mamba_n_heads=6,
    mamba_d_head=8,
    mamba_n_groups=1,
    mamba_d_state=12,
    embedding_multiplier=4.0,
    lm_head_multiplier=0.5,
    mlp_multipliers=[2.0, 0.5],
    key_multiplier=0.25,
    attention_in_multiplier=2.0,
    attention_out_multiplier=0.5,
    ssm_in_multiplier=2.0,
    ssm_out_multiplier=0.25,
    ssm_multipliers=[0.5, 2.0, 0.25, 4.0, 0.5],
)


def nemotron_layers(ffn: str) -> list[str]:
    return ["linear_attention", "full_attention", ffn, "linear_attention", ffn]


NEMOTRON_H = dict(
    head_dim=12,
    mamba_num_heads=8,
    mamba_head_dim=8,
    n_groups=2,
    ssm_state_size=12,
)

BITNET = dict(
    rope_parameters=dict(PLAIN_ROPE, rope_theta=500000.0),
    tie_word_embeddings=True,
)

LATENT_YARN = YARN | dict(rope_theta=10000.0)

# Directory, class of the configuration, what differs from COMMON.
MODELS = {
    "llama": ("Llama", dict(rope_scaling=LLAMA3_ROPE, tie_word_embeddings=True)),
    "mistral": ("Mistral", dict(sliding_window=8, head_dim=16)),
    "mixtral": ("Mixtral", dict(num_local_experts=4, num_experts_per_tok=2, sliding_window=None)),
    "smollm3": ("SmolLM3", dict(num_hidden_layers=4, intermediate_size=32)),
    "qwen2": ("Qwen2", dict()),
    "qwen3": ("Qwen3", dict(head_dim=16)),
    "qwen3moe": (
        "Qwen3Moe",
        dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(norm_topk_prob=True, decoder_sparse_step=1),
    ),
    "qwen3moe-unnormalized": (
        "Qwen3Moe",
        dict(head_dim=16, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=24)
        | dict(norm_topk_prob=False, decoder_sparse_step=1),
    ),
    "qwen2moe": (
        "Qwen2Moe",
        dict(num_experts=5, num_experts_per_tok=2, moe_intermediate_size=24, norm_topk_prob=False)
        | dict(shared_expert_intermediate_size=40, decoder_sparse_step=1),
    ),
    "olmoe": ("Olmoe", dict(num_experts=6, num_experts_per_tok=3, intermediate_size=24)),
    "granitemoe": (
        "GraniteMoe",
        dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=24)
        | dict(embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.25)
        | dict(logits_scaling=4.0, tie_word_embeddings=True),
    ),
    "granitemoe-shared": (
        "GraniteMoeShared",
        dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=24)
        | dict(shared_intermediate_size=20, tie_word_embeddings=True),
    ),
    "glm4moe": (
        "Glm4Moe",
        dict(head_dim=12, partial_rotary_factor=0.5, attention_bias=True, num_hidden_layers=3)
        | dict(n_routed_experts=5, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(n_shared_experts=1, first_k_dense_replace=1, routed_scaling_factor=1.5)
        | dict(norm_topk_prob=True, n_group=1, topk_group=1, use_qk_norm=False),
    ),
    "glm4moe-head-norms": (
        "Glm4Moe",
        dict(head_dim=16, partial_rotary_factor=0.5, attention_bias=False)
        | dict(n_routed_experts=4, num_experts_per_tok=3, moe_intermediate_size=16)
        | dict(n_shared_experts=2, first_k_dense_replace=1, routed_scaling_factor=1.0)
        | dict(norm_topk_prob=False, n_group=1, topk_group=1, use_qk_norm=True),
    ),
    "lfm2": (
        "Lfm2",
        dict(LFM2, conv_L_cache=3, block_multiple_of=16, block_ffn_dim_multiplier=1.25),
    ),
    "lfm2moe": (
        "Lfm2Moe",
        dict(LFM2, conv_L_cache=4, num_dense_layers=2, num_experts=5, num_experts_per_tok=2)
        | dict(moe_intermediate_size=24, routed_scaling_factor=1.0, norm_topk_prob=True),
    ),
    "lfm3": ("Lfm3", LFM3),
    "olmo_hybrid": (
        "OlmoHybrid",
        dict(OLMO_HYBRID, rope_parameters=dict(rope_type="default", rope_theta=None)),
    ),
    "olmo_hybrid-turning": (
        "OlmoHybrid",
        dict(OLMO_HYBRID, rope_parameters=PLAIN_ROPE, linear_allow_neg_eigval=False),
    ),
    "dots1": (
        "Dots1",
        dict(head_dim=8, num_key_value_heads=4, n_routed_experts=5, num_experts_per_tok=2)
        | dict(moe_intermediate_size=24, n_shared_experts=2, first_k_dense_replace=1)
        | dict(routed_scaling_factor=2.5, norm_topk_prob=True, n_group=1, topk_group=1)
        | dict(sliding_window=None, layer_types=["full_attention"] * 2),
    ),
    "deepseek": ("Llama", dict()),
    "deepseek2-lite": (
        "DeepseekV2",
        LATENT
        | dict(q_lora_rank=None, topk_method="greedy", n_group=1, topk_group=1)
        | dict(n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=2)
        | dict(routed_scaling_factor=1.0, norm_topk_prob=False)
        | dict(rope_parameters=LATENT_YARN | dict(mscale=0.707, mscale_all_dim=0.707)),
    ),
    "deepseek2-groups": (
        "DeepseekV2",
        LATENT
        | dict(q_lora_rank=12, topk_method="group_limited_greedy", n_group=4, topk_group=2)
        | dict(n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1)
        | dict(routed_scaling_factor=4.0, norm_topk_prob=False)
        | dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
    ),
    "deepseek3": (
        "DeepseekV3",
        LATENT
        | dict(q_lora_rank=12, n_group=4, topk_group=2, num_nextn_predict_layers=0)
        | dict(n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1)
        | dict(routed_scaling_factor=2.5, norm_topk_prob=True)
        | dict(rope_parameters=LATENT_YARN | dict(mscale=1.0, mscale_all_dim=1.0)),
    ),
    "glm4-flash": (
        "Glm4MoeLite",
        LATENT
        | dict(q_lora_rank=12, n_group=1, topk_group=1, v_head_dim=12)
        | dict(n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=1)
        | dict(routed_scaling_factor=1.8, norm_topk_prob=True, rms_norm_eps=1e-5)
        | dict(mlp_layer_types=["dense", "sparse"])
        | dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
    ),
    "ernie4_5-moe": (
        "Ernie4_5_Moe",
        dict(num_hidden_layers=4, moe_num_experts=5, moe_k=2, moe_intermediate_size=24)
        | dict(moe_num_shared_experts=1, moe_layer_start_index=1, moe_layer_end_index=-1)
        | dict(moe_layer_interval=2, rope_theta=500000.0, tie_word_embeddings=True),
    ),
    "gpt-oss": (
        "GptOss",
        dict(head_dim=16, num_local_experts=5, num_experts_per_tok=2, sliding_window=8)
        | dict(num_hidden_layers=3, intermediate_size=24, rope_theta=150000.0)
        | dict(rope_scaling=GPT_OSS_YARN, attention_bias=True)
        | dict(layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    ),
    "gpt-oss-mxfp4": (
        "GptOss",
        dict(head_dim=16, num_local_experts=3, num_experts_per_tok=2, sliding_window=8)
        | dict(intermediate_size=64, rope_theta=150000.0, attention_bias=True)
        | dict(rope_scaling=dict(rope_type="default"))
        | dict(layer_types=["sliding_attention", "full_attention"]),
    ),
    "gemma": ("Gemma", dict(num_key_value_heads=1, head_dim=16, tie_word_embeddings=True)),
    "gemma2": (
        "Gemma2",
        dict(head_dim=16, sliding_window=8, query_pre_attn_scalar=16, tie_word_embeddings=True)
        | dict(attn_logit_softcapping=3.0, final_logit_softcapping=5.0),
    ),
    "gemma3": (
        "Gemma3Text",
        dict(head_dim=16, sliding_window=8, query_pre_attn_scalar=16, tie_word_embeddings=True)
        | dict(num_hidden_layers=7, intermediate_size=32, sliding_window_pattern=6),
    ),
    "gemma3n": (
        "Gemma3nText",
        dict(GEMMA4, num_kv_shared_layers=2, intermediate_size=[24, 40, 24, 40, 24])
        | dict(hidden_size_per_layer_input=8, vocab_size_per_layer_input=VOCABULARY)
        | dict(laurel_rank=6, activation_sparsity_pattern=[0.9, 0.5, 0.3, 0.0, 0.0]),
    ),
    "gemma4": (
        "Gemma4Text",
        dict(GEMMA4, num_kv_shared_layers=2, use_double_wide_mlp=True)
        | dict(hidden_size_per_layer_input=8, vocab_size_per_layer_input=VOCABULARY),
    ),
    "gemma4-keys-as-values": (
        "Gemma4Text",
        dict(GEMMA4, hidden_size_per_layer_input=0, attention_k_eq_v=True)
        | dict(num_global_key_value_heads=1),
    ),
    "gemma4-mixture": (
        "Gemma4Text",
        dict(GEMMA4, hidden_size_per_layer_input=0, enable_moe_block=True)
        | dict(num_experts=5, top_k_experts=2, moe_intermediate_size=12, num_hidden_layers=3)
        | dict(layer_types=[f"{kind}_attention" for kind in "sliding sliding full".split()]),
    ),
    "vaultgemma": (
        "VaultGemma",
        dict(head_dim=16, sliding_window=8, query_pre_attn_scalar=9, tie_word_embeddings=True)
        | dict(attn_logit_softcapping=3.0, final_logit_softcapping=5.0, num_hidden_layers=3)
        | dict(layer_types=[f"{kind}_attention" for kind in "full sliding full".split()]),
    ),
    "bitnet": ("BitNet", dict(BITNET, hidden_act="silu")),
    "bitnet-b1.58": ("BitNet", dict(BITNET, hidden_act="relu2")),
    "nanochat": ("NanoChat", dict(final_logit_softcapping=5.0)),
    "afmoe": (
        "Afmoe",
        dict(head_dim=12, intermediate_size=32, num_hidden_layers=4, num_dense_layers=1)
        | dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
        | dict(num_shared_experts=2, route_scale=2.5, route_norm=True, score_func="sigmoid")
        | dict(sliding_window=8, mup_enabled=True),
    ),
    "flex_olmo": (
        "FlexOlmo",
        dict(num_experts=5, num_experts_per_tok=2, intermediate_size=24, rms_norm_eps=1e-5)
        | dict(rope_parameters=dict(PLAIN_ROPE, rope_theta=500000.0)),
    ),
    "hyperclovax": (
        "HyperCLOVAX",
        dict(embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.25)
        | dict(logits_scaling=0.125),
    ),
    "hyperclovax-pre-norm": ("HyperCLOVAX", dict(use_post_norm=False, tie_word_embeddings=True)),
    "phi3": ("Phi3", dict(sliding_window=8)),
    "phi3-longrope": (
        "Phi3",
        dict(rope_scaling=LONG_ROPE, original_max_position_embeddings=16),
    ),
    "gpt2": ("GPT2", dict(n_ctx=128)),
    "gpt_neo": (
        "GPTNeo",
        dict(attention_types=[[["global", "local"], 1]], num_layers=2, num_heads=4)
        | dict(window_size=8, intermediate_size=None, tie_word_embeddings=True),
    ),
    "opt": ("OPT", dict(ffn_dim=48, tie_word_embeddings=True)),
    "gptneox": ("GPTNeoX", dict(rotary_pct=0.5, use_parallel_residual=True)),
    "gptneox-sequential": ("GPTNeoX", dict(rotary_pct=0.5, use_parallel_residual=False)),
    "olmo2": ("Olmo2", dict()),
    "olmo3": (
        "Olmo3",
        dict(sliding_window=8, num_hidden_layers=4, intermediate_size=32, rope_scaling=YARN),
    ),
    "granite": (
        "Granite",
        dict(embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.25)
        | dict(logits_scaling=4.0, tie_word_embeddings=True),
    ),
    "stablelm": ("StableLm", dict(partial_rotary_factor=0.5, use_qkv_bias=True)),
    "stablelm-head-norms": (
        "StableLm",
        dict(partial_rotary_factor=0.5, qk_layernorm=True, use_parallel_residual=True),
    ),
    "stablelm-parallel": (
        "StableLm",
        dict(partial_rotary_factor=0.5, use_qkv_bias=False, use_parallel_residual=True),
    ),
    "command-r": ("Cohere", dict(logit_scale=0.25, tie_word_embeddings=True)),
    "command-r-head-norms": (
        "Cohere",
        dict(logit_scale=0.25, use_qk_norm=True, attention_bias=True, tie_word_embeddings=True),
    ),
    "cohere2": (
        "Cohere2",
        dict(logit_scale=0.25, sliding_window=8, num_hidden_layers=5, tie_word_embeddings=True)
        | dict(intermediate_size=32, rotary_pct=1.0),
    ),
    "glm4": (
        "Glm4",
        dict(head_dim=12, partial_rotary_factor=0.5, attention_bias=True, rms_norm_eps=1e-5),
    ),
    "exaone4": ("Exaone4", dict(sliding_window=None, layer_types=["full_attention"] * 2, head_dim=16)),
    "exaone4-windows": (
        "Exaone4",
        dict(sliding_window=8, sliding_window_pattern=3, num_hidden_layers=4)
        | dict(intermediate_size=32),
    ),
    "ernie4_5": ("Ernie4_5", dict(head_dim=12, rope_theta=500000.0, tie_word_embeddings=True)),
    "starcoder2": ("Starcoder2", dict(sliding_window=8, use_bias=True, tie_word_embeddings=True)),
    "phi2": (
        "Phi",
        dict(partial_rotary_factor=0.5, num_key_value_heads=4, intermediate_size=128),
    ),
    "falcon": (
        "Falcon",
        dict(new_decoder_architecture=True, num_kv_heads=2, tie_word_embeddings=True),
    ),
    "falcon-h1": ("FalconH1", FALCON_H1),
    "falcon-h1-norm": (
        "FalconH1",
        FALCON_H1 | dict(mamba_rms_norm=True, mamba_norm_before_gate=False, mamba_n_groups=2),
    ),
    "falcon-multi-query": (
        "Falcon",
        dict(multi_query=True, num_kv_heads=1, tie_word_embeddings=True),
    ),
    "seed_oss": ("SeedOss", dict(head_dim=16, attention_out_bias=True, mlp_bias=True)),
    "bloom": ("Bloom", dict(n_layer=2, n_head=6, hidden_size=48)),
    "apertus": ("Apertus", dict(rope_scaling=LLAMA3_ROPE)),
    "arcee": ("Arcee", dict(head_dim=12)),
    "nemotron": ("Nemotron", dict(partial_rotary_factor=0.5, attention_bias=True, mlp_bias=True)),
    "olmo": ("Olmo", dict()),
    "olmo-clamped": ("Olmo", dict(clip_qkv=0.75)),
    "hunyuan-dense": (
        "HunYuanDenseV1",
        dict(head_dim=12, tie_word_embeddings=True, max_position_embeddings=32768)
        | dict(rope_scaling=dict(type="dynamic", alpha=50.0, factor=1.0)),
    ),
    "mistral3": ("Ministral3", dict(head_dim=12, rope_parameters=MINISTRAL3_ROPE)),
    "exaone": ("Llama", dict(rope_scaling=LLAMA3_ROPE)),
    "internlm2": ("Llama", dict()),
    "xverse": ("Llama", dict()),
    "minicpm": (
        "Granite",
        dict(embedding_multiplier=6.0, residual_multiplier=1.4 / math.sqrt(2))
        | dict(attention_multiplier=1 / math.sqrt(8), logits_scaling=4.0),
    ),
    "starcoder": ("GPTBigCode", dict(n_positions=128, n_inner=128, tie_word_embeddings=True)),
    "orion": ("StableLm", dict(partial_rotary_factor=1.0, use_qkv_bias=False)),
    "baichuan": ("Llama", dict(num_key_value_heads=4)),
    "baichuan-13b": (
        "Llama",
        dict(num_hidden_layers=40, hidden_size=16, intermediate_size=16)
        | dict(num_attention_heads=2, num_key_value_heads=2),
    ),
    "refact": ("Llama", dict(num_key_value_heads=1, intermediate_size=256)),
    "jais": (
        "StableLm",
        dict(num_key_value_heads=4, partial_rotary_factor=1.0, use_qkv_bias=True),
    ),
    "plamo": (
        "StableLm",
        dict(partial_rotary_factor=1.0, use_qkv_bias=False, use_parallel_residual=True),
    ),
    "codeshell": ("Starcoder2", dict(intermediate_size=128, use_bias=True, sliding_window=None)),
    "qwen": ("Qwen2", dict(num_key_value_heads=4)),
    "bailingmoe": (
        "Ernie4_5_Moe",
        dict(head_dim=12, moe_num_experts=5, moe_k=2, moe_intermediate_size=24)
        | dict(moe_num_shared_experts=2, moe_layer_start_index=0, moe_layer_end_index=-1)
        | dict(moe_layer_interval=1, rope_theta=500000.0),
    ),
    "chatglm": (
        "Glm",
        dict(head_dim=8, partial_rotary_factor=0.5, attention_bias=True, rms_norm_eps=1e-5),
    ),
    "hunyuan-moe": (
        "HunYuanMoEV1",
        dict(head_dim=12, num_experts=5, moe_topk=2, intermediate_size=24),
    ),
    "dbrx": (
        "Dbrx",
        dict(d_model=32, n_heads=4, n_layers=2, max_seq_len=128)
        | dict(attn_config=dict(clip_qkv=0.75, kv_n_heads=2, rope_theta=10000.0))
        | dict(ffn_config=dict(ffn_hidden_size=24, moe_num_experts=5, moe_top_k=2)),
    ),
    "phimoe": (
        "Phimoe",
        dict(num_local_experts=5, num_experts_per_tok=2, intermediate_size=24, sliding_window=8)
        | dict(attention_bias=True, lm_head_bias=True, router_jitter_noise=0.01),
    ),
    "phimoe-longrope": (
        "Phimoe",
        dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=16)
        | dict(rope_parameters=LONG_ROPE | PHI_MOE_ROPE, original_max_position_embeddings=16),
    ),
    "minimax-m2": (
        "MiniMaxM2",
        dict(head_dim=16, num_local_experts=5, num_experts_per_tok=2, intermediate_size=24)
        | dict(rope_parameters=dict(PLAIN_ROPE, partial_rotary_factor=0.5)),
    ),
    "llama4": (
        "Llama4Text",
        dict(LLAMA4, head_dim=8, num_local_experts=4, intermediate_size=24)
        | dict(rope_parameters=LLAMA3_ROPE | dict(rope_theta=500000.0)),
    ),
    "llama4-interleaved": (
        "Llama4Text",
        dict(LLAMA4, head_dim=8, num_local_experts=128, intermediate_size=4, hidden_size=16)
        | dict(num_attention_heads=2, interleave_moe_layer_step=2, use_qk_norm=False)
        | dict(rope_parameters=dict(PLAIN_ROPE)),
    ),
    "bailingmoe2": (
        "Glm4Moe",
        dict(head_dim=12, partial_rotary_factor=0.5, attention_bias=False, num_hidden_layers=3)
        | dict(n_routed_experts=8, num_experts_per_tok=3, moe_intermediate_size=16)
        | dict(n_shared_experts=1, first_k_dense_replace=1, routed_scaling_factor=2.5)
        | dict(norm_topk_prob=True, n_group=4, topk_group=2, use_qk_norm=True),
    ),
    "exaone-moe": (
        "ExaoneMoe",
        dict(head_dim=12, sliding_window=8, sliding_window_pattern=3, num_hidden_layers=4)
        | dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=16, n_group=4)
        | dict(topk_group=2, num_shared_experts=1, first_k_dense_replace=1, intermediate_size=32)
        | dict(rope_parameters=dict(PLAIN_ROPE)),
    ),
    "mellum": (
        "Mellum",
        dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
        | dict(sliding_window=8, num_hidden_layers=3)
        | dict(layer_types=[f"{kind}_attention" for kind in "sliding full sliding".split()])
        | dict(rope_parameters=MELLUM_ROPE),
    ),
    "jais2": ("Jais2", dict(head_dim=8)),
    "pangu-embedded": ("Llama", dict(attention_bias=True)),
    "minicpm3": (
        "MiniCPM3",
        dict(num_key_value_heads=4, kv_lora_rank=16, q_lora_rank=12, qk_nope_head_dim=6)
        | dict(qk_rope_head_dim=8, scale_emb=12, scale_depth=1.4, dim_model_base=256)
        | dict(rope_parameters=LONG_ROPE | dict(rope_theta=10000.0, rope_type="longrope"))
        | dict(original_max_position_embeddings=128),
    ),
    "plm": (
        "DeepseekV2",
        LATENT
        | dict(q_lora_rank=None, first_k_dense_replace=2, n_routed_experts=2)
        | dict(tie_word_embeddings=True, rope_parameters=dict(PLAIN_ROPE)),
    ),
    "smallthinker": (
        "SmolLM3",
        dict(num_hidden_layers=5, no_rope_layers=[0, 1, 1, 1, 0], sliding_window=8)
        | dict(use_sliding_window=True, rope_parameters=dict(PLAIN_ROPE))
        | dict(layer_types=[f"{kind}_attention" for kind in SMALL_THINKER]),
    ),
    "qwen2vl": ("Qwen2VL", dict(rope_parameters=PLAIN_ROPE | dict(mrope_section=[2, 1, 1]))),
    "qwen3vl": (
        "Qwen3VL",
        dict(head_dim=16, rope_parameters=PLAIN_ROPE | dict(mrope_section=[4, 2, 2])),
    ),
    "qwen3vlmoe": (
        "Qwen3VLMoe",
        dict(head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[])
        | dict(rope_parameters=PLAIN_ROPE | dict(mrope_section=[4, 2, 2])),
    ),
    "qwen3next": (
        "Qwen3Next",
        DELTA_RULE | DELTA_RULE_EXPERTS | dict(norm_topk_prob=True, decoder_sparse_step=1),
    ),
    "qwen35": ("Qwen3_5", DELTA_RULE | dict(rope_parameters=DELTA_RULE_MROPE)),
    "qwen35moe": (
        "Qwen3_5MoeText",
        DELTA_RULE
        | DELTA_RULE_EXPERTS
        | dict(linear_conv_kernel_dim=3, rope_parameters=DELTA_RULE_MROPE),
    ),
    "granitehybrid": (
        "GraniteMoeHybrid",
        GRANITE_HYBRID
        | dict(num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=48),
    ),
    "granitehybrid-experts": (
        "GraniteMoeHybrid",
        GRANITE_HYBRID
        | dict(num_local_experts=5, num_experts_per_tok=2, intermediate_size=24)
        | dict(shared_intermediate_size=20, mamba_n_groups=1, mamba_d_conv=3),
    ),
    "granite4": (
        "GraniteMoeHybrid",
        GRANITE_HYBRID
        | dict(num_hidden_layers=2, layer_types=2 * ["full_attention"])
        | dict(position_embedding_type="rope")
        | dict(num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=48),
    ),
    "nemotron_h": (
        "NemotronH",
        NEMOTRON_H | dict(layers_block_type=nemotron_layers("mlp")),
    ),
    "nemotron_h_moe": (
        "NemotronH",
        NEMOTRON_H
        | dict(layers_block_type=nemotron_layers("moe"))
        | dict(n_routed_experts=5, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(moe_shared_expert_intermediate_size=20, routed_scaling_factor=2.5),
    ),
    "mistral4": (
        "Mistral4",
        LATENT
        | dict(q_lora_rank=12, n_group=1, topk_group=1)
        | dict(n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=1)
        | dict(routed_scaling_factor=1.5, norm_topk_prob=True)
        | dict(rope_parameters=MINISTRAL3_ROPE | dict(partial_rotary_factor=1 / 3)),
    ),
    "youtu": (
        "Youtu",
        {key: value for key, value in LATENT.items() if key not in MIXTURE}
        | dict(q_lora_rank=12, tie_word_embeddings=True, rope_parameters=dict(PLAIN_ROPE)),
    ),
    "solar-open": (
        "SolarOpen",
        dict(head_dim=12, n_routed_experts=5, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(n_shared_experts=1, routed_scaling_factor=1.5, norm_topk_prob=True),
    ),
    "hy_v3": (
        "HYV3",
        dict(head_dim=12, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=24)
        | dict(num_shared_experts=2, router_scaling_factor=2.5, num_hidden_layers=3),
    ),
    "granite_swa": (
        "GraniteSWA",
        dict(embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.25)
        | dict(logits_scaling=4.0, tie_word_embeddings=True, sliding_window=8)
        | dict(num_hidden_layers=5, layer_rope_theta=[0, 10000.0, 10000.0, 10000.0, 0]),
    ),
    "granite_swa-experts": (
        "GraniteMoeSWA",
        dict(embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.25)
        | dict(logits_scaling=4.0, tie_word_embeddings=True, sliding_window=8)
        | dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=24)
        | dict(shared_intermediate_size=20),
    ),
    "cohere2moe": (
        "Cohere2Moe",
        dict(head_dim=8, logit_scale=0.25, sliding_window=8, num_hidden_layers=5)
        | dict(num_experts=5, num_experts_per_tok=2, intermediate_size=24, num_shared_experts=2)
        | dict(prefix_dense_intermediate_size=32, tie_word_embeddings=True, rms_norm_eps=None)
        | dict(mlp_layer_types=["dense"] + 4 * ["sparse"], expert_selection_fn="sigmoid")
        | dict(layer_types=[f"{k}_attention" for k in "full sliding sliding full full".split()]),
    ),
    "cohere2moe-softmax": (
        "Cohere2Moe",
        dict(head_dim=8, logit_scale=0.25, sliding_window=8, rms_norm_eps=1e-5)
        | dict(prefix_dense_intermediate_size=32)
        | dict(num_experts=5, num_experts_per_tok=2, intermediate_size=24)
        | dict(tie_word_embeddings=True),
    ),
    "maincoder": ("HunYuanDenseV1", dict(head_dim=12)),
    "mimo2": (
        "MiMoV2Flash",
        dict(head_dim=12, v_head_dim=8, sliding_window=8, n_routed_experts=5, n_group=1)
        | dict(topk_group=1, num_experts_per_tok=2, moe_intermediate_size=24, norm_topk_prob=True)
        | dict(num_key_value_heads=1, num_hidden_layers=3, layernorm_epsilon=1e-5)
        | dict(layer_types=[f"{kind}_attention" for kind in "full sliding full".split()])
        | dict(rope_parameters=MIMO_ROPE),
    ),
    "gptj": ("GPTJ", dict(n_embd=32, n_layer=2, n_head=4, n_inner=128, rotary_dim=4)),
    "mpt": (
        "Mpt",
        dict(d_model=32, n_heads=4, n_layers=2, max_seq_len=64, attn_config=dict(clip_qkv=None)),
    ),
}

# Models that transformers does not have, or only under names of its own: one of the same arithmetic
# is drawn, and written as the original has it. Here is what configurations say, and what tensors are
# called. A key of None is one that they do not say.
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
    # Its converter knows layers without rotations by another key, and MiMo's what the model's own
    # code had.
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
    "pangu-embedded": (dict(architectures=["PanguEmbeddedForCausalLM"]), {}),
    "hunyuan-moe": (
        dict(moe_intermediate_size=[24, 24], moe_topk=[2, 2], num_shared_expert=[1, 1]),
        {},
    ),
}

# What of a layer lies in one matrix in the original: the parts, one after the other, and the whole.
QKV = ("q_proj", "k_proj", "v_proj")
FUSED = {
    "refact": ((("k_proj", "v_proj"), "kv"), (("gate_proj", "up_proj"), "gate_up_proj")),
    "jais": ((QKV, "c_attn"),),
    "codeshell": ((QKV, "c_attn"),),
    "qwen": ((QKV, "c_attn"),),
    "bailingmoe": ((QKV, "query_key_value"),),
    "bailingmoe2": ((QKV, "query_key_value"),),
}

# Norms behind sublayers, which converters of models without them do not know.
NORMS_BEHIND = {
    "flex_olmo": {
        "post_attention_layernorm": "post_attention_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    },
    "hyperclovax": {"post_norm1": "post_attention_norm", "post_norm2": "post_ffw_norm"},
}

# Models of which llama.cpp has no kin: what their tensors are called in GGUF.
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

# Models that llama.cpp's converter knows, or takes, for others.
OWN_NAMES = {
    name: name
    for name in ("bitnet-b1.58", "flex_olmo", "hyperclovax", "nanochat", *TENSORS)
} | {
    "hyperclovax-pre-norm": "hyperclovax",
    "olmo_hybrid-turning": "olmo_hybrid",
    "vaultgemma": "vaultgemma",
}

# Models whose directories Vidrio does not read.
FILES_ALONE = (
    "baichuan",
    "baichuan-13b",
    "bailingmoe",
    "codeshell",
    "internlm2",
    "jais",
    "maincoder",
    "pangu-embedded",
    "plamo",
    "plm",
    "qwen",
    "refact",
    "smallthinker",
)


def configuration(name: str):
    kind, differences = MODELS[name]
    values = COMMON | differences
    if kind == "Mpt":
        for key in ("num_key_value_heads", "hidden_size", "intermediate_size"):
            values.pop(key)
        values["tie_word_embeddings"] = True
    if kind in ("Dbrx", "GPTJ"):
        for key in ("hidden_size", "intermediate_size", "num_hidden_layers"):
            values.pop(key)
        for key in ("num_attention_heads", "num_key_value_heads"):
            values.pop(key)
    if kind == "GPTNeo":
        for key in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads"):
            values.pop(key)
    if kind == "OPT":
        values.pop("num_key_value_heads")
    if kind in ("Qwen3_5MoeText", "OPT"):
        values.pop("intermediate_size")
    kind = getattr(transformers, kind + "Config")
    if MODELS[name][0] in EYES:
        return kind(text_config=values, vision_config=EYES[MODELS[name][0]])
    return kind(**values)


def adapt(name: str, model: torch.nn.Module) -> None:
    """Makes a model that transformers has one that it does not have."""
    if name in ("baichuan-13b", "refact", "jais"):
        fall_with_distance(model)
    if name == "phimoe-longrope":
        turn_by_length(model.model.rotary_emb)
    if name.startswith("nemotron_h"):
        for layer in model.model.layers:  # what it takes for limits are those of initial biases
            layer.mixer.time_step_limit = (0.0, math.inf)
    if name == "plm":
        for layer in model.model.layers:
            layer.mlp = PlainFfn(model.config.hidden_size, model.config.intermediate_size)
    if name == "smallthinker":
        for layer in model.model.layers:
            layer.mlp = EarlyExperts(layer, model.config.hidden_size, width=24, count=5, used=2)
    if name not in ("jais", "plamo", "bailingmoe"):
        return
    for layer in model.model.layers:
        if name == "jais":
            layer.self_attn.scaling = 1 / layer.self_attn.head_dim
            for linear in (layer.self_attn.o_proj, *layer.mlp.children()):
                if isinstance(linear, torch.nn.Linear):
                    linear.bias = torch.nn.Parameter(torch.zeros(linear.out_features))
        if name == "plamo":
            layer.input_layernorm = LlamaRMSNorm(model.config.hidden_size)
        if name == "bailingmoe":
            layer.mlp.gate.moe_statics = torch.nn.Identity()  # the bias that chooses
    if name == "plamo":
        model.model.norm = LlamaRMSNorm(model.config.hidden_size)


def turn_by_length(rotary: torch.nn.Module) -> None:
    """Has a rotation know how long a text is: that of Phi 3.5 MoE takes all for short ones."""
    forward, frequencies = rotary.forward, rotary.rope_init_fn

    def turn(x, position_ids):
        length = int(position_ids.max()) + 1
        rotary.rope_init_fn = lambda config: frequencies(config, seq_len=length)
        return forward(x, position_ids)

    rotary.forward = turn


class PlainFfn(torch.nn.Module):
    """A feed-forward block of squared ReLU (arXiv 2109.08668)."""

    def __init__(self, d: int, width: int):
        super().__init__()
        self.up_proj = torch.nn.Linear(d, width, bias=False)
        self.down_proj = torch.nn.Linear(width, d, bias=False)

    def forward(self, x):
        return self.down_proj(torch.relu(self.up_proj(x)) ** 2)


class EarlyExperts(torch.nn.Module):
    """Experts with gates of ReLU, for which a token asks by what its layer reads."""

    def __init__(self, layer: torch.nn.Module, d: int, width: int, count: int, used: int):
        super().__init__()
        self.used = used
        self.primary_router = torch.nn.Linear(d, count, bias=False)
        self.experts = torch.nn.ModuleList(torch.nn.Module() for _ in range(count))
        for expert in self.experts:
            expert.gate = torch.nn.Linear(d, width, bias=False)
            expert.up = torch.nn.Linear(d, width, bias=False)
            expert.down = torch.nn.Linear(width, d, bias=False)
        layer.register_forward_pre_hook(self.ask)

    def ask(self, layer, arguments):
        scores, self.chosen = self.primary_router(arguments[0]).topk(self.used, dim=-1)
        self.weights = torch.sigmoid(scores) / torch.sigmoid(scores).sum(dim=-1, keepdim=True)

    def forward(self, x):
        sums = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            share = (self.weights * (self.chosen == e)).sum(dim=-1, keepdim=True)
            sums = sums + share * expert.down(torch.relu(expert.gate(x)) * expert.up(x))
        return sums


def fall_with_distance(model: torch.nn.Module) -> None:
    """Puts linear biases of distance (ALiBi, arXiv 2108.12409) in the place of rotary positions."""
    heads = model.config.num_attention_heads
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)  # of a power of two
    places = torch.arange(COUNT)
    distance = places[:, None] - places
    mask = torch.where(distance < 0, -torch.inf, -slopes[:, None, None] * distance)[None]
    forward = model.forward
    model.forward = lambda ids, **keywords: forward(ids, attention_mask=mask, **keywords)
    turn = model.model.rotary_emb.forward

    def unturned(x, position_ids):
        cosine, sine = turn(x, position_ids)
        return torch.ones_like(cosine), torch.zeros_like(sine)

    model.model.rotary_emb.forward = unturned


def draw(name: str, model: torch.nn.Module) -> None:
    """Gives every parameter seeded random values that BF16 holds."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    less_one = name in ("gemma", "gemma2", "gemma3", "vaultgemma", *DELTA_RULES, "nemotron")
    biases = ("e_score_correction_bias", "expert_bias")
    corrections = [b for b in model.named_buffers() if b[0].endswith(biases)]
    with torch.no_grad():
        for key, parameter in [*model.named_parameters(), *corrections]:
            values = torch.randn(parameter.shape, generator=generator)
            if key.endswith("A_log"):
                values = values - 2.0  # so that some states last long
            elif parameter.dim() == 1 and key.endswith("weight"):
                values = values * 0.25 + (0.0 if less_one and "linear_attn" not in key else 1.0)
                # Gemma 3n and 4 do not divide their scores by the root of the width.
                undivided = name.startswith(("gemma3n", "gemma4")) and "q_norm" in key
                values = values * (0.25 if undivided else 1.0)
            elif parameter.dim() == 1 and key.endswith("scale"):
                # Gemma 4 divides what its routers read by the root of the width.
                values = (values * 0.25 + 1.0) * (16.0 if key.endswith("router.scale") else 1.0)
            elif parameter.dim() == 1 or key.endswith("bias"):
                values = values * 0.25
            elif key.endswith("gate_up_proj") and model.config.model_type == "gpt_oss":
                # Some of their products lie beyond where it clamps.
                values = values * (4 / math.sqrt(fan_in(key, parameter, model)))
            elif "embed" in key or "wte" in key or "wpe" in key:
                pass
            else:
                values = values * (1.25 / math.sqrt(fan_in(key, parameter, model)))
                # Gemma 3n divides what its routers read by the width.
                values = values * (parameter.shape[-1] if "modality_router" in key else 1.0)
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
    """Makes a checkpoint one of MXFP4. Tensors without a value are left out."""
    file, config = directory / "model.safetensors", directory / "config.json"
    kept = load_file(file) | tensors
    save_file({k: v for k, v in kept.items() if v is not None}, file, {"format": "pt"})
    values = json.loads(config.read_text())
    values["quantization_config"] = {"quant_method": "mxfp4"}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def fan_in(key: str, parameter: torch.Tensor, model: torch.nn.Module) -> int:
    """GPT-2 stores matrices as [in, out], and gpt-oss those of experts."""
    transposed = model.config.model_type == "gpt2" and "lm_head" not in key
    experts = model.config.model_type in ("gpt_oss", "llama4_text") and "experts" in key
    return parameter.shape[0 if transposed else -2 if experts else -1]


def write_original(directory: Path, name: str) -> None:
    """Gives a checkpoint the names that the model's own code had."""
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
    for key in [key for key in tensors if name == "qwen3vlmoe" and ".mlp.experts." in key]:
        tensors[key] = np.ascontiguousarray(tensors[key].swapaxes(1, 2))
    if name == "bailingmoe":  # rotary pairs that are adjacent here are half a head apart there
        for key in [key for key in tensors if key.endswith(("q_proj.weight", "k_proj.weight"))]:
            pairs = tensors[key].reshape(-1, config["head_dim"] // 2, 2, config["hidden_size"])
            tensors[key] = pairs.swapaxes(1, 2).reshape(tensors[key].shape)
    if name == "maincoder":  # rotary pairs that are half a head apart here are adjacent there
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
    if name == "internlm2":
        for l in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{l}.attention."
            tensors[prefix + "wqkv.weight"] = grouped(
                [tensors.pop(f"{prefix}{part}_proj.weight") for part in "qkv"],
                config["num_key_value_heads"],
            )
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def add_mixtures(model: torch.nn.Module) -> None:
    """Makes a Llama a DeepSeekMoE: with the mixtures of DeepSeek V2, whose attention is another."""
    from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe

    says = ORIGINALS["deepseek"][0]
    sizes = {k: v for k, v in says.items() if "expert" in k or k == "moe_intermediate_size"}
    config = transformers.DeepseekV2Config(**COMMON | sizes | dict(topk_method="greedy"))
    for layer in model.model.layers[says["first_k_dense_replace"] :]:
        layer.mlp = DeepseekV2Moe(config)


def grouped(qkv: list[np.ndarray], kv_heads: int) -> np.ndarray:
    """One matrix that has each key-value head's queries, key and value, head after head."""
    parts = [part.reshape(kv_heads, -1, part.shape[-1]) for part in qkv]
    return np.concatenate(parts, axis=1).reshape(-1, qkv[0].shape[-1])


def expected(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return model(tokens[None], use_cache=False).logits[0].float().numpy()


def gradient(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """By autograd, from where the table's rows are looked up: some models scale them after that."""
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


def convert(llama_cpp: Path, directory: Path, name: str) -> None:
    """Runs llama.cpp's converter, which insists on a tokenizer: it gets names without meaning."""
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import conversion
    import gguf
    from conversion.base import TextModel

    hparams = json.loads((directory / "config.json").read_text())
    # The converter knows MPT under the name that its own code had.
    architecture = hparams["architectures"][0].replace("MptFor", "MPTFor")
    architecture = architecture.replace("Mistral4For", "Ministral3For")
    plain = name in ("plamo", "gptj", "nanochat", *TENSORS) or name.startswith("hyperclovax")
    # Those of VaultGemma and FlexOlmo are the ones of models with other norms.
    architecture = architecture.replace("VaultGemma", "Gemma2").replace("FlexOlmo", "Olmoe")
    kind = TextModel if plain else conversion.get_model_class(architecture)
    # Which Mistral 3's hands its work to.
    kind = getattr(kind, "Mistral4Model" if name == "mistral4" else "Ministral3Model", kind)
    # Baichuan's does not end, PLaMo's knows the model of 13B alone, and GPT-J has none.
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
    # Gemma 3's drops embeddings without a token.
    tokenizer = directory / "tokenizer.json"
    vocabulary = {f"token{i}": i for i in range(VOCABULARY)}
    tokenizer.write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))

    behind, tensors = NORMS_BEHIND.get(name, {}), TENSORS.get(name)
    lfm3, opt, olmo_hybrid = name == "lfm3", name == "opt", name.startswith("olmo_hybrid")

    class Converter(kind):
        model_arch = others.get(name) or kind.model_arch
        # Drafts, which the configuration does not count, or counts where there are none.
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
                # The first rows of OPT's are those of no position.
                skipped = 2 if opt and name == "position_embd.weight" else 0
                values = data_torch.squeeze()[skipped:]
                yield name, -torch.exp(values) if name.endswith("ssm_a") else values
                return
            norm = name.split(".")[-2]
            if norm in behind:
                yield f"blk.{bid}.{behind[norm]}.weight", data_torch
                return
            # BitNet's knows its norms by other names.
            name = name.replace("attn_sub_norm", "inner_attn_ln")
            name = name.replace("ffn_sub_norm", "ffn_layernorm")
            # StableLM's returns stacked norms out of a generator, which loses them.
            stacked = yield from super().modify_tensors(data_torch, name, bid)
            yield from stacked or ()

        def generate_extra_tensors(self):
            yield from super().generate_extra_tensors()
            if lfm3:  # half of the pairs do not turn
                pairs = hparams["head_dim"] // 2
                yield "rope_freqs.weight", torch.tensor([1.0, 1e30]).repeat_interleave(pairs // 2)

        def weight_quant(self, weight):
            return weight  # which BitNet's makes ternary

    out = directory / "model.gguf"
    # That of Nemotron-H takes what the configuration does not say for what transformers adds to it.
    said = dict(hparams=hparams) if name.startswith("nemotron_h") else {}
    bf16 = gguf.LlamaFileType.MOSTLY_BF16
    own = {Converter.model_arch: OWN_NAMES[name]} if name in OWN_NAMES else {}
    with unittest.mock.patch.dict(gguf.MODEL_ARCH_NAMES, own):
        Converter(directory, bf16, out, eager=True, model_name=name, **said).write()
    tokenizer.unlink()


def generate(llama_cpp: Path, directory: Path, name: str) -> None:
    config = configuration(name)
    torch.manual_seed(0)
    # StableLM cannot initialize norms without a bias; all parameters are drawn below.
    no_init = getattr(transformers.modeling_utils, "no_init_weights", contextlib.nullcontext)
    with no_init():
        auto = "ImageTextToText" if MODELS[name][0] in EYES else "CausalLM"
        make = getattr(transformers, "AutoModelFor" + auto).from_config
        if name == "mistral4":  # which is known as a part of another alone
            make = transformers.Mistral4ForCausalLM._from_config
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
    if name.startswith("falcon-h1"):  # whose file has a table that is multiplied already
        tensors["gradient"] /= config.embedding_multiplier
    original = getattr(config, "original_max_position_embeddings", None)
    if original and original < COUNT:
        tensors["short_logits"] = expected(model, ids[:original])
    save_file(tensors, directory / "expected.safetensors")
    convert(llama_cpp, directory, name)
    if name in FILES_ALONE:
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
