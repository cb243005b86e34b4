package dev.vidrio.model.architecture;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Rejects settings that GGUF or the architecture does not support, by name. */
class RefusedConfigsTest {

  private static String refusal(String model, Path temporary, Consumer<ObjectNode> edit)
      throws IOException, URISyntaxException {
    Path config =
        Path.of(
            Objects.requireNonNull(RefusedConfigsTest.class.getResource(model + "/config.json"))
                .toURI());
    ObjectNode json = (ObjectNode) JsonMapper.shared().readTree(Files.readAllBytes(config));
    edit.accept(json);
    Files.write(temporary.resolve("config.json"), JsonMapper.shared().writeValueAsBytes(json));
    Files.copy(config.resolveSibling("model.safetensors"), temporary.resolve("model.safetensors"));
    try (Arena arena = Arena.ofShared()) {
      return assertThrows(ModelException.class, () -> HuggingFaceModel.open(temporary, arena))
          .getMessage();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "axk1|scoring_func|\"softmax\"",
        "axk1|rope_interleave|false",
        "cwm|layer_types|missing",
        "cwm|sliding_window|missing",
        "helium|rope_theta|missing",
        "internlm3|rope_scaling|{\"rope_type\": \"longrope\"}",
        "sarvam-moe|use_qkv_bias|true",
        "sarvam-mla|moe_layer_freq|2",
        "laguna|moe_apply_router_weight_on_input|true",
        "laguna|moe_router_logit_softcapping|30",
        "laguna|mlp_layer_types|[\"sparse\", \"dense\", \"sparse\"]",
        "laguna|rope_parameters|{\"full_attention\": {\"rope_theta\": 10000}}",
        "command-r|hidden_act|\"gelu\"",
        "command-r|use_parallel_block|false",
        "command-r|use_gated_activation|false",
        "command-r|position_embedding_type|\"rope_neox\"",
        "command-r|rope_theta|missing",
        "command-r|rotary_pct|0.5",
        "cohere2|use_qk_norm|true",
        "cohere2|layer_switch|3",
        "cohere2|order_of_interleaved_layers|\"global_attn_first\"",
        "cohere2|sliding_window|null",
        "cohere2|sliding_window|0",
        "cohere2|layer_types|[\"sliding_attention\"]",
        "cohere2|layer_types|[\"chunked_attention\"]",
        "gemma3n|hidden_activation|\"gelu\"",
        "gemma3n|attention_bias|true",
        "gemma3n|altup_active_idx|1",
        "gemma3n|altup_correct_scale|false",
        "gemma3n|activation_sparsity_pattern|[1, 0, 0, 0, 0]",
        "gemma3n|num_kv_shared_layers|5",
        "gemma3n|hidden_size_per_layer_input|0",
        "gemma4|hidden_activation|\"gelu\"",
        "gemma4|use_bidirectional_attention|\"all\"",
        "gemma4-mixture|num_experts|missing",
        "gemma4-mixture|top_k_experts|0",
        "gemma4-mixture|moe_intermediate_size|null",
        "gemma4|num_kv_shared_layers|5",
        "gemma4|vocab_size_per_layer_input|63",
        "gemma4|per_layer_config|{\"0\": {\"head_dim\": 16}}",
        "gemma4|per_layer_config|{\"2\": {\"head_dim\": 16}, \"4\": {\"head_dim\": 12}}",
        "gemma4|rope_parameters|{\"full_attention\": {\"rope_type\": \"spiral\"}}",
        "glm4|rope_scaling|{\"rope_type\": \"default\", \"mrope_section\": [1, 1, 1]}",
        "glm4|partial_rotary_factor|0.25",
        "exaone4-windows|sliding_window|missing",
        "exaone4-windows|partial_rotary_factor|0.5",
        "ernie4_5|rope_theta|missing",
        "starcoder2|hidden_act|\"gelu\"",
        "starcoder2|sliding_window|0",
        "phi2|hidden_act|\"gelu\"",
        "phi2|qk_layernorm|true",
        "falcon|alibi|true",
        "falcon|parallel_attn|false",
        "falcon|activation|\"relu\"",
        "falcon|num_kv_heads|3",
        "falcon-h1|hidden_act|\"gelu\"",
        "falcon-h1|attention_bias|true",
        "falcon-h1|mamba_proj_bias|true",
        "falcon-h1|projectors_bias|true",
        "falcon-h1|mamba_rms_norm|true",
        "falcon-h1|mamba_d_head|12",
        "falcon-h1|mlp_multipliers|[1]",
        "falcon-h1|ssm_multipliers|[1, 2, 3, 4]",
        "falcon-h1|tie_word_embeddings|true",
        "falcon-h1|time_step_limit|[0.001, 0.1]",
        "seed_oss|hidden_act|\"relu\"",
        "mistral3|rope_parameters|{\"rope_type\": \"linear\", \"factor\": 2}",
        "mistral3|rope_parameters|{\"rope_type\": \"yarn\", \"factor\": 2}",
        "mistral3|sliding_window|8",
        "minicpm|scale_emb|missing",
        "minicpm|dim_model_base|0",
        "starcoder|multi_query|false",
        "starcoder|activation_function|\"gelu\"",
        "xverse|hidden_act|\"gelu\"",
        "apertus|hidden_act|\"silu\"",
        "apertus|rope_theta|missing",
        "arcee|hidden_act|\"silu\"",
        "nemotron|hidden_act|\"gelu\"",
        "nemotron|partial_rotary_factor|0.4",
        "olmo|hidden_act|\"gelu\"",
        "olmo3|sliding_window|0",
        "olmo3|layer_types|[\"chunked_attention\"]",
        "olmo-clamped|clip_qkv|\"8\"",
        "hunyuan-dense|rope_scaling|{\"rope_type\": \"dynamic\"}",
        "hunyuan-dense|rope_scaling|{\"rope_type\": \"dynamic\", \"alpha\": -1}",
        "hunyuan-moe|moe_topk|[2, 3]",
        "hunyuan-moe|moe_intermediate_size|[24, 20]",
        "hunyuan-moe|num_shared_expert|[1, 2]",
        "chatglm|hidden_act|\"gelu\"",
        "gptj|activation_function|\"gelu\"",
        "gptj|rotary_dim|missing",
        "phimoe|router_jitter_noise|0.02",
        "phimoe|hidden_act|\"gelu\"",
        "minimax-m2|hidden_act|\"gelu\"",
        "minimax-m2|scoring_func|\"softmax\"",
        "minimax-m2|use_qk_norm|false",
        "minimax-m2|qk_norm_type|\"per_head\"",
        "minimax-m2|use_routing_bias|false",
        "minimax-m2|shared_intermediate_size|24",
        "minimax-m2|rope_theta|missing",
        "llama4|hidden_act|\"gelu\"",
        "llama4|num_experts_per_tok|2",
        "llama4|use_qk_norm|false",
        "llama4-interleaved|use_qk_norm|true",
        "llama4|no_rope_layers|[1, 1, 1, 1]",
        "llama4|no_rope_layer_interval|3",
        "llama4|layer_types|[\"full_attention\"]",
        "llama4|attention_chunk_size|null",
        "llama4|moe_layers|[1, 3]",
        "bailingmoe2|hidden_act|\"gelu\"",
        "bailingmoe2|score_function|\"softmax\"",
        "bailingmoe2|use_qkv_bias|true",
        "bailingmoe2|partial_rotary_factor|0.3",
        "exaone-moe|hidden_act|\"gelu\"",
        "exaone-moe|scoring_func|\"softmax\"",
        "exaone-moe|layer_types|[\"chunked_attention\"]",
        "exaone-moe|mlp_layer_types|[\"sparse\", \"dense\", \"sparse\", \"sparse\"]",
        "mellum|hidden_act|\"gelu\"",
        "mellum|mlp_layer_types|[\"dense\", \"sparse\", \"sparse\"]",
        "mellum|sliding_window|0",
        "jais2|hidden_act|\"gelu\"",
        "flex_olmo|hidden_act|\"gelu\"",
        "flex_olmo|n_group|2",
        "flex_olmo|num_experts_per_tok|0",
        "gpt_neo|activation_function|\"gelu\"",
        "gpt_neo|attention_layers|[\"global\"]",
        "gpt_neo|attention_layers|[\"global\", \"sparse\"]",
        "gpt_neo|attention_layers|missing",
        "gpt_neo|window_size|0",
        "olmo_hybrid|hidden_act|\"gelu\"",
        "olmo_hybrid|attention_bias|true",
        "olmo_hybrid|rms_norm_eps|1e-5",
        "olmo_hybrid|linear_num_value_heads|3",
        "olmo_hybrid|linear_key_head_dim|1025",
        "olmo_hybrid|linear_conv_kernel_dim|0",
        "olmo_hybrid|layer_types|[\"linear_attention\"]",
        "olmo_hybrid|layer_types|[\"full_attention\", \"conv\", \"full_attention\"]",
        "olmo_hybrid-turning|rope_parameters|{\"rope_type\": \"spiral\"}",
        "recurrent_gemma|hidden_activation|\"silu\"",
        "recurrent_gemma|intermediate_size|47",
        "recurrent_gemma|lru_width|42",
        "recurrent_gemma|conv1d_width|0",
        "recurrent_gemma|conv1d_width|65",
        "recurrent_gemma|block_types|[]",
        "recurrent_gemma|block_types|[\"recurrent\", \"mamba\"]",
        "lfm3|conv_bias|true",
        "lfm3|conv_L_cache|0",
        "lfm3|attention_bias|true",
        "lfm3|use_sandwich_norm|false",
        "lfm3|use_attention_gate|false",
        "lfm3|layer_types|[\"conv\"]",
        "lfm3|layer_types|[\"conv\", \"full_attention\", \"conv\", \"conv\","
            + " \"chunked_attention\"]",
        "lfm3|sliding_window|0",
        "opt|activation_function|\"gelu\"",
        "opt|do_layer_norm_before|false",
        "opt|_remove_final_layer_norm|true",
        "opt|word_embed_proj_dim|16",
        "hyperclovax|hidden_act|\"gelu\"",
        "hyperclovax|attention_multiplier|\"1\"",
        "hyperclovax|partial_rotary_factor|0.5",
        "bitnet|hidden_act|\"gelu\"",
        "bitnet|quantization_config|{\"quant_method\": \"bitnet\"}",
        "vaultgemma|hidden_activation|\"gelu\"",
        "vaultgemma|layer_types|[\"chunked_attention\"]",
        "vaultgemma|sliding_window|0",
        "nanochat|hidden_act|\"gelu\"",
        "nanochat|partial_rotary_factor|0.5",
        "afmoe|hidden_act|\"gelu\"",
        "afmoe|score_func|\"softmax\"",
        "afmoe|route_norm|false",
        "afmoe|mup_enabled|false",
        "afmoe|mup_enabled|missing",
        "afmoe|n_group|2",
        "afmoe|num_expert_groups|2",
        "afmoe|num_shared_experts|0",
        "afmoe|num_dense_layers|5",
        "afmoe|layer_types|[\"chunked_attention\"]",
        "mistral4|hidden_act|\"gelu\"",
        "mistral4|n_group|2",
        "mistral4|scoring_func|\"sigmoid\"",
        "youtu|rope_interleave|false",
        "hy_v3|hidden_act|\"gelu\"",
        "hy_v3|route_norm|false",
        "hy_v3|mlp_layer_types|[\"sparse\", \"dense\", \"sparse\"]",
        "granite_swa|hidden_act|\"gelu\"",
        "granite_swa|layer_types|[\"chunked_attention\"]",
        "granite_swa|layer_rope_theta|[0, 10000, 5000, 10000, 0]",
        "granite_swa|layer_rope_theta|[10000]",
        "cohere2moe|hidden_act|\"gelu\"",
        "cohere2moe|expert_selection_fn|\"tanh\"",
        "cohere2moe|shared_expert_combination_strategy|\"sum\"",
        "cohere2moe|prefix_dense_sliding_window_pattern|4",
        "mimo2|hidden_act|\"gelu\"",
        "mimo2|swa_head_dim|16",
        "mimo2|hybrid_layer_pattern|[0, 1]",
        "mimo2|moe_layer_freq|[1, 0, 1]",
        "mimo2|add_full_attention_sink_bias|true",
        "mimo2|norm_topk_prob|false",
        "minicpm3|hidden_act|\"gelu\"",
        "minicpm3|q_lora_rank|null",
        "exaone|activation_function|\"gelu\"",
        "lfm2|conv_bias|true",
        "lfm2|conv_L_cache|0",
        "lfm2|layer_types|[\"conv\"]",
        "lfm2|layer_types|[\"conv\", \"sliding_attention\", \"conv\", \"conv\"]",
        "lfm2moe|num_dense_layers|5",
        "orion|hidden_act|\"gelu\"",
        "qwen3next|hidden_act|\"gelu\"",
        "qwen3next|attention_bias|true",
        "qwen3next|rms_norm_eps|1e-5",
        "qwen3next|linear_num_value_heads|5",
        "qwen3next|linear_num_key_heads|0",
        "qwen3next|linear_key_head_dim|1025",
        "qwen3next|linear_conv_kernel_dim|0",
        "qwen3next|layer_types|[\"linear_attention\"]",
        "qwen3next|layer_types|[\"linear_attention\", \"sliding_attention\", \"linear_attention\"]",
        "qwen3next|decoder_sparse_step|2",
        "qwen3next|mlp_only_layers|[1]",
        "qwen35moe|head_dim|missing",
        "qwen35moe|rope_parameters|{\"rope_type\": \"spiral\"}",
        "granitehybrid|attention_bias|true",
        "granitehybrid|time_step_limit|[0.001, 0.1]",
        "granitehybrid|mamba_proj_bias|true",
        "granitehybrid|mamba_n_heads|5",
        "granitehybrid|mamba_n_groups|3",
        "granitehybrid|mamba_d_head|4",
        "granitehybrid|position_embedding_type|\"learned\"",
        "granitehybrid|layer_types|[\"mamba\"]",
        "granitehybrid|layer_types|[\"mamba\", \"attention\", \"conv\"]",
        "granite4|position_embedding_type|missing",
        "nemotron_h|hybrid_override_pattern|\"M*-E-\"",
        "nemotron_h|hybrid_override_pattern|\"M*-?-\"",
        "nemotron_h|hybrid_override_pattern|\"\"",
        "nemotron_h|mlp_hidden_act|\"silu\"",
        "nemotron_h|use_bias|true",
        "nemotron_h|head_dim|7",
        "nemotron_h_moe|moe_latent_size|16",
        "nemotron_h_moe|n_group|2",
      })
  void keyIsNamed(String model, String key, String value, @TempDir Path temporary)
      throws IOException, URISyntaxException {
    String message =
        refusal(
            model,
            temporary,
            json -> {
              if (value.equals("missing")) {
                json.remove(key);
              } else {
                json.set(key, JsonMapper.shared().readTree(value));
              }
            });
    String named =
        value.contains("mrope_section")
            ? "mrope_section"
            : value.contains("spiral") ? "rope_type" : key;
    assertTrue(message.contains(named), message);
  }

  /** Old configs of EXAONE 4 have letters for layers with and without the window. */
  @ParameterizedTest
  @ValueSource(strings = {"LLX", ""})
  void patternsOfOtherLetters(String pattern, @TempDir Path temporary)
      throws IOException, URISyntaxException {
    String message =
        refusal(
            "exaone4-windows",
            temporary,
            json -> {
              json.remove("layer_types");
              json.put("sliding_window_pattern", pattern);
            });
    assertTrue(message.contains("sliding_window_pattern"), message);
  }
}
