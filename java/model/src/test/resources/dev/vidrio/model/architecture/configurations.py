"""The configurations from which transformers builds the tiny models."""

import math

import transformers

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

# The converter writes the square root of 1 + ln 8 / ln 16.
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

PLAMO3_ROPE = dict(
    full_attention=PLAIN_ROPE | dict(rope_theta=500000.0),
    sliding_attention=PLAIN_ROPE,
)

LAGUNA = dict(
    head_dim=12,
    num_experts=5,
    num_experts_per_tok=2,
    moe_intermediate_size=16,
    shared_expert_intermediate_size=20,
    rope_parameters=dict(
        full_attention=YARN | dict(rope_theta=500000.0, partial_rotary_factor=0.5),
        sliding_attention=dict(PLAIN_ROPE, partial_rotary_factor=1.0),
    ),
)

MIMO_ROPE = dict(
    full_attention=PLAIN_ROPE | dict(rope_theta=500000.0, partial_rotary_factor=0.334),
    sliding_attention=PLAIN_ROPE | dict(partial_rotary_factor=0.334),
)

# The smallest possible vision tower. Conversion omits it.
EYES = {
    "Qwen2VL": dict(depth=1, embed_dim=8, hidden_size=32, num_heads=1, mlp_ratio=1),
    "Qwen3VL": dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=32)
    | dict(num_position_embeddings=4, deepstack_visual_indexes=[]),
}
EYES["Qwen3VLMoe"] = EYES["Qwen3VL"]
EYES["Qwen3_5"] = {k: v for k, v in EYES["Qwen3VL"].items() if k != "deepstack_visual_indexes"}

STEP35 = "full sliding sliding full".split()

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

# In the delta rule three value heads share a key head.
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

# Keys and values have equally many rows: transformers writes kernels in three equal parts.
OLMO_HYBRID = dict(
    num_hidden_layers=3,
    layer_types=DELTA_RULE["layer_types"],
    linear_num_key_heads=2,
    linear_num_value_heads=4,
    linear_key_head_dim=12,
    linear_value_head_dim=6,
)

# The four heads of each of two groups share keys and queries.
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

# For each layer: query heads, key-value heads, feed-forward width.
LAYERS = {
    "openelm": ((2, 1, 32), (6, 3, 64)),
    # The third layer lacks attention, the fourth a feed-forward block, the fifth both; the last has
    # a linear map instead of attention.
    "deci": ((4, 2, 256), (4, 1, 512), (0, 0, 256), (4, 4, 0), (0, 0, 0), (4, 0, 256)),
}

# Directory, class of the configuration, differences from COMMON.
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
    "recurrent_gemma": (
        "RecurrentGemma",
        dict(block_types=["recurrent", "attention"], num_hidden_layers=3, lru_width=40)
        | dict(attention_window_size=8, num_key_value_heads=1, logits_soft_cap=5.0)
        | dict(hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True),
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
    "flint": (
        "Flint",
        dict(head_dim=12, num_hidden_layers=4, num_experts=5, num_experts_per_tok=2)
        | dict(moe_intermediate_size=16, shared_expert_intermediate_size=24, mlp_only_layers=[0])
        | dict(sliding_window=8, rope_parameters=dict(PLAIN_ROPE))
        | dict(layer_types=[f"{kind}_attention" for kind in STEP35]),
    ),
    "aria": (
        "AriaText",
        dict(intermediate_size=24, moe_num_experts=5, moe_topk=2, moe_num_shared_experts=2)
        | dict(rope_parameters=dict(PLAIN_ROPE)),
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
    "internlm3": (
        "InternLM3",
        dict(head_dim=12, attention_bias=True, mlp_bias=True)
        | dict(rope_parameters=dict(rope_type="dynamic", rope_theta=50000.0, factor=6.0)),
    ),
    "helium": ("Helium", dict(head_dim=8, rope_parameters=PLAIN_ROPE, rms_norm_eps=1e-5)),
    "cwm": (
        "Cwm",
        dict(head_dim=12, sliding_window=8, rope_parameters=LLAMA3_ROPE | dict(rope_theta=1e6))
        | dict(num_hidden_layers=3)
        | dict(layer_types=[f"{kind}_attention" for kind in "full sliding sliding".split()]),
    ),
    "sarvam-moe": (
        "SarvamMoE",
        dict(head_dim=12, n_routed_experts=8, num_experts_per_tok=2, moe_intermediate_size=16)
        | dict(n_shared_experts=1, first_k_dense_replace=1, routed_scaling_factor=2.5)
        | dict(rope_parameters=PLAIN_ROPE),
    ),
    "sarvam-mla": (
        "SarvamMLA",
        LATENT
        | dict(n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=1)
        | dict(routed_scaling_factor=1.5, norm_topk_prob=True)
        | dict(rope_parameters=LATENT_YARN | dict(mscale=1.0, mscale_all_dim=1.0)),
    ),
    "laguna": (
        "Laguna",
        LAGUNA
        | dict(num_attention_heads_per_layer=[4, 6, 6], num_hidden_layers=3, sliding_window=8)
        | dict(layer_types=[f"{kind}_attention" for kind in "full sliding sliding".split()]),
    ),
    "laguna-elements": (
        "Laguna",
        LAGUNA | dict(gating="per-element", sliding_window=0, moe_routed_scaling_factor=2.5),
    ),
    "openelm": (
        "Qwen3",
        dict(head_dim=12, tie_word_embeddings=True),
    ),
    "deci": (
        "Llama",
        dict(hidden_size=16, intermediate_size=256, num_hidden_layers=6)
        | dict(rope_parameters=LLAMA3_ROPE | dict(rope_theta=10000.0)),
    ),
    "step35": (
        "Step3p7Text",
        dict(head_dim=8, num_sliding_attention_heads=6, num_hidden_layers=4, sliding_window=8)
        | dict(layer_types=[f"{kind}_attention" for kind in STEP35])
        | dict(mlp_layer_types=["dense"] + 3 * ["sparse"], n_routed_experts=5)
        | dict(num_experts_per_tok=2, moe_intermediate_size=16, share_expert_dim=20)
        | dict(moe_router_scaling_factor=3.0)
        | dict(swiglu_limits=[0, 0, 0.5, 0], swiglu_limits_shared=[0, 0, 0.75, 0])
        | dict(rope_theta=[50000.0, 10000.0, 10000.0, 50000.0], rope_scaling=LLAMA3_ROPE)
        | dict(partial_rotary_factors=[0.5, 1.0, 1.0, 0.5]),
    ),
    "axk1": (
        "AXK1",
        LATENT
        | dict(q_lora_rank=12, n_group=4, topk_group=2)
        | dict(n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1)
        | dict(routed_scaling_factor=2.5, norm_topk_prob=True)
        | dict(rope_parameters=LATENT_YARN | dict(mscale=1.0, mscale_all_dim=1.0)),
    ),
    "arctic": ("Llama", dict(rms_norm_eps=1e-5, rope_parameters=PLAIN_ROPE)),
    "plamo3": (
        "Gemma3Text",
        dict(hidden_size=16, head_dim=8, sliding_window=8, query_pre_attn_scalar=8)
        | dict(num_hidden_layers=3, hidden_activation="silu")
        | dict(layer_types=[f"{kind}_attention" for kind in "sliding full sliding".split()])
        | dict(rope_parameters=PLAMO3_ROPE),
    ),
    "gptj": ("GPTJ", dict(n_embd=32, n_layer=2, n_head=4, n_inner=128, rotary_dim=4)),
    "mpt": (
        "Mpt",
        dict(d_model=32, n_heads=4, n_layers=2, max_seq_len=64, attn_config=dict(clip_qkv=None)),
    ),
}


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
