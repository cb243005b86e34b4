package dev.vidrio.model.architecture;

import static dev.vidrio.model.architecture.HostileFiles.architecture;
import static dev.vidrio.model.architecture.HostileFiles.assertRefused;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufValueType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Keys outside their limits and contradictions are errors; what is not supported has its name. */
class HostileArchitecturesTest {
  @ParameterizedTest
  @CsvSource({
    "gemma2, attn_logit_softcapping, NaN",
    "gemma2, attn_logit_softcapping, -50",
    "gemma2, attn_logit_softcapping, 1e-45",
    "gemma2, final_logit_softcapping, Infinity",
    "gemma2, final_logit_softcapping, 1e-45",
    "gemma3, final_logit_softcapping, -1",
    "gemma3, rope.freq_base_swa, 0",
    "gemma4, final_logit_softcapping, NaN",
    "gemma4, rope.freq_base_swa, -1",
    "deepseek2-lite, rope.scaling.yarn_log_multiplier, NaN",
    "granite, attention.scale, 0",
    "granite, embedding_scale, NaN",
    "granite, residual_scale, 0",
    "granite, logit_scale, -4",
    "command-r, logit_scale, 0",
    "cohere2, logit_scale, NaN",
    "phi3-longrope, rope.scaling.attn_factor, NaN",
    "gpt2, attention.layer_norm_epsilon, 0",
    "mpt, attention.max_alibi_bias, 0",
    "stablelm, attention.layer_norm_epsilon, NaN",
    "qwen3, attention.layer_norm_rms_epsilon, -1",
    "minicpm, residual_scale, 0",
    "mistral3, attention.temperature_scale, NaN",
    "mistral3, attention.temperature_scale, -1",
    "olmo-clamped, attention.clamp_kqv, -1",
    "olmo, attention.layer_norm_epsilon, 0",
    "dbrx, attention.clamp_kqv, NaN",
    "dbrx, attention.clamp_kqv, 1e-45",
    "jais, attention.max_alibi_bias, 0",
    "bailingmoe, expert_weights_scale, -1",
    "bailingmoe2, expert_weights_scale, -1",
    "phimoe, attention.layer_norm_rms_epsilon, 0",
    "llama4, attention.temperature_scale, NaN",
    "minicpm3, residual_scale, 0",
    "minicpm3, logit_scale, NaN",
    "jais2, attention.layer_norm_epsilon, 0",
    "gpt_neo, attention.layer_norm_epsilon, 0",
    "lfm3, rope.freq_base_swa, 0",
    "olmo_hybrid, ssm.beta_scale, 0",
    "olmo_hybrid, ssm.beta_scale, NaN",
    "olmo_hybrid, ssm.beta_scale, 2.5",
    "opt, attention.layer_norm_epsilon, NaN",
    "hyperclovax, residual_scale, 0",
    "hyperclovax, logit_scale, NaN",
    "hyperclovax, embedding_scale, -1",
    "nanochat, final_logit_softcapping, NaN",
    "vaultgemma, attn_logit_softcapping, -1",
    "recurrent_gemma, final_logit_softcapping, NaN",
    "afmoe, expert_weights_scale, -1",
  })
  void numbersOutsideTheirLimits(String model, String key, float value) {
    String full = architecture(model) + "." + key;
    assertRefused(ModelException.class, model, full, writer -> writer.float32(full, value));
  }

  @ParameterizedTest
  @CsvSource({
    "arctic, expert_count, 0",
    "arctic, expert_used_count, 6",
    "axk1, expert_group_used_count, 5",
    "cwm, attention.sliding_window, 4294967295",
    "plamo3, attention.sliding_window, 4294967295",
    "plamo3, attention.sliding_window_pattern, 0",
    "step35, attention.sliding_window, 0",
    "step35, rope.dimension_count, 6",
    "step35, nextn_predict_layers, 17",
    "step35, swiglu_clamp_exp, 1",
    "deci, attention.head_count, 0",
    "deci, attention.head_count_kv, 3",
    "laguna, attention.head_count, 5",
    "laguna, attention.sliding_window, 2147483648",
    "laguna, rope.dimension_count_swa, 3",
    "laguna, leading_dense_block_count, 4",
    "openelm, attention.head_count, 4097",
    "openelm, attention.head_count_kv, 4",
    "openelm, feed_forward_length, 1048577",
    "gemma2, attention.sliding_window, 4294967295",
    "gemma3, attention.sliding_window_pattern, 0",
    "gemma3n, altup.active_idx, 1",
    "gemma3n, altup.num_inputs, 1",
    "gemma3n, attention.shared_kv_layers, 3",
    "gemma3n, embedding_length_per_layer_input, 0",
    "gemma4, attention.sliding_window, 0",
    "gemma4, attention.shared_kv_layers, 5",
    "gemma4, attention.shared_kv_layers, 3",
    "gemma4, attention.key_length_swa, 0",
    "gemma4, attention.value_length_swa, 16",
    "gemma4, attention.head_count_kv, 3",
    "gemma4, rope.dimension_count_swa, 7",
    "gemma4, embedding_length_per_layer_input, 1048577",
    "deepseek3, attention.key_length_mla, 3",
    "deepseek3, attention.value_length_mla, 0",
    "deepseek3, attention.kv_lora_rank, 0",
    "deepseek3, attention.q_lora_rank, -1",
    "deepseek3, rope.dimension_count, 5",
    "deepseek3, expert_group_count, 3",
    "deepseek3, expert_group_count, 8",
    "deepseek3, expert_group_used_count, 1",
    "deepseek3, expert_group_used_count, 5",
    "gptneox, rope.dimension_count, 16",
    "gptneox, use_parallel_residual, 1",
    "phi3, rope.scaling.original_context_length, 0",
    "qwen3, attention.key_length, 0",
    "qwen3, attention.key_length, 1025",
    "mixtral, expert_count, 4097",
    "mixtral, expert_used_count, 5",
    "mixtral, expert_used_count, 0",
    "qwen3moe, expert_count, 0",
    "qwen3moe, expert_feed_forward_length, 0",
    "qwen3moe, expert_feed_forward_length, 32769",
    "gpt-oss, expert_used_count, 6",
    "glm4moe, leading_dense_block_count, 4",
    "glm4moe, expert_shared_count, 6",
    "glm4moe, nextn_predict_layers, 17",
    "qwen2moe, expert_shared_feed_forward_length, 1048577",
    "ernie4_5-moe, interleave_moe_layer_step, 0",
    "mistral, attention.sliding_window, 2147483648",
    "cohere2, attention.sliding_window, 0",
    "cohere2, attention.sliding_window_pattern, 0",
    "exaone4-windows, attention.sliding_window, 2147483648",
    "falcon, attention.head_count_kv, 3",
    "glm4, rope.dimension_count, 14",
    "nemotron, rope.dimension_count, 3",
    "olmo3, attention.sliding_window_pattern, 0",
    "mistral3, rope.scaling.original_context_length, 0",
    "qwen, feed_forward_length, 95",
    "qwen, feed_forward_length, 0",
    "gptj, rope.dimension_count, 9",
    "gpt_neo, attention.sliding_window, 0",
    "lfm3, attention.sliding_window, 0",
    "olmo_hybrid, ssm.time_step_rank, 3",
    "olmo_hybrid, ssm.state_size, 0",
    "olmo_hybrid, attention.head_count_kv, 3",
    "recurrent_gemma, ssm.inner_size, 0",
    "recurrent_gemma, ssm.inner_size, 42",
    "recurrent_gemma, ssm.group_count, 3",
    "recurrent_gemma, ssm.conv_kernel, 0",
    "recurrent_gemma, ssm.conv_kernel, 65",
    "recurrent_gemma, attention.head_count_kv, 3",
    "recurrent_gemma, attention.sliding_window, 0",
    "lfm3, shortconv.l_cache, 0",
    "lfm3, attention.head_count_kv, 3",
    "gpt_neo, attention.sliding_window, 2147483648",
    "hunyuan-moe, expert_used_count, 6",
    "dbrx, expert_count, 0",
    "bailingmoe, leading_dense_block_count, 3",
    "bailingmoe2, leading_dense_block_count, 4",
    "bailingmoe2, expert_group_used_count, 5",
    "exaone-moe, attention.sliding_window, 0",
    "flex_olmo, expert_used_count, 6",
    "flex_olmo, expert_group_count, 2",
    "afmoe, attention.sliding_window_pattern, 0",
    "afmoe, expert_group_count, 2",
    "afmoe, leading_dense_block_count, 5",
    "vaultgemma, attention.sliding_window, 4294967295",
    "llama4, attention.temperature_length, 0",
    "llama4, attention.sliding_window, 2147483648",
    "llama4, interleave_moe_layer_step, 0",
    "mellum, attention.sliding_window_pattern, 0",
    "minicpm3, attention.kv_lora_rank, 0",
    "minimax-m2, expert_used_count, 0",
    "minimax-m2, rope.dimension_count, 7",
    "plm, rope.dimension_count, 5",
    "plm, attention.key_length, 3",
    "smallthinker, expert_used_count, 6",
    "lfm2, shortconv.l_cache, 0",
    "lfm2, attention.head_count_kv, 3",
    "gemma4-mixture, expert_used_count, 6",
    "cohere2moe, leading_dense_block_count, 6",
    "mimo2, attention.value_length, 1025",
    "qwen3next, ssm.time_step_rank, 5",
    "qwen3next, ssm.group_count, 0",
    "qwen3next, expert_used_count, 6",
    "qwen35, ssm.inner_size, 47",
    "qwen35, ssm.state_size, 1025",
    "qwen35moe, ssm.conv_kernel, 0",
    "falcon-h1, ssm.inner_size, 47",
    "falcon-h1, attention.head_count_kv, 3",
    "granitehybrid, ssm.group_count, 3",
    "granitehybrid, attention.head_count_kv, 3",
    "nemotron_h, ssm.conv_kernel, 0",
    "nemotron_h, feed_forward_length, 48",
    "nemotron_h_moe, expert_used_count, 6",
  })
  void integersOutsideTheirLimits(String model, String key, long value) {
    String full = architecture(model) + "." + key;
    assertRefused(ModelException.class, model, full, writer -> writer.uint32(full, value));
  }

  @ParameterizedTest
  @CsvSource({
    "qwen2, attention.sliding_window",
    "qwen3, expert_count",
    "olmo2, attention.sliding_window_pattern",
    "olmo3, rope.freq_base_swa",
    "granite, expert_count",
    "gpt2, attention.clamp_kqv",
    "gpt_neo, attention.scale",
    "lfm3, rope.dimension_count_swa",
    "mpt, attention.clamp_kqv",
    "gptneox, attention.max_alibi_bias",
    "llama, logit_scale",
    "smollm3, final_logit_softcapping",
    "gemma, attn_logit_softcapping",
    "gemma3, attention.shared_kv_layers",
    "gemma3, embedding_length_per_layer_input",
    "gemma4, activation_sparsity_scale",
    "gemma4, altup.num_inputs",
    "gemma4, attention.scale",
    "gemma4, expert_weights_scale",
    "qwen3moe, expert_gating_func",
    "qwen3moe, expert_shared_count",
    "qwen3moe, expert_group_count",
    "qwen3moe, leading_dense_block_count",
    "deepseek, expert_group_count",
    "deepseek, attention.key_length_mla",
    "deepseek3, attention.value_scale",
    "baichuan-13b, attention.max_alibi_bias",
    "refact, attention.max_alibi_bias",
    "plamo, use_parallel_residual",
    "hunyuan-moe, expert_weights_scale",
    "dbrx, expert_shared_count",
    "command-r, attention.sliding_window",
    "cohere2, rope.freq_base_swa",
    "glm4, rope.dimension_sections",
    "glm4, nextn_predict_layers",
    "exaone4, rope.freq_base_swa",
    "ernie4_5, expert_count",
    "starcoder2, logit_scale",
    "phi2, use_parallel_residual",
    "falcon, attention.max_alibi_bias",
    "falcon-h1, attention.sliding_window",
    "seed_oss, attention.sliding_window",
    "minicpm, expert_count",
    "starcoder, attention.clamp_kqv",
    "xverse, attention.sliding_window",
    "mistral3, expert_count",
    "mistral3, attention.sliding_window",
    "apertus, attention.sliding_window",
    "arcee, attention.temperature_scale",
    "nemotron, attention.clamp_kqv",
    "olmo, attention.sliding_window",
    "hunyuan-dense, rope.dimension_sections",
    "exaone, attention.sliding_window",
    "internlm2, logit_scale",
    "orion, attention.max_alibi_bias",
    "olmoe, expert_shared_count",
    "olmoe, attention.clamp_kqv",
    "gpt-oss, leading_dense_block_count",
    "qwen2moe, expert_gating_func",
    "glm4moe, rope.dimension_sections",
    "granitemoe, expert_weights_scale",
    "phimoe, expert_gating_func",
    "phimoe, expert_group_count",
    "phimoe, expert_weights_scale",
    "minimax-m2, attention.sliding_window",
    "minimax-m2, expert_shared_count",
    "llama4, expert_gating_func",
    "llama4, expert_group_count",
    "bailingmoe2, attention.sliding_window",
    "exaone-moe, attention.temperature_scale",
    "mellum, expert_weights_scale",
    "jais2, attention.sliding_window",
    "pangu-embedded, attention.sliding_window",
    "minicpm3, expert_count",
    "plm, expert_count",
    "smallthinker, expert_weights_scale",
    "lfm2, attention.sliding_window",
    "qwen3next, rope.dimension_sections",
    "qwen35, attention.sliding_window",
    "qwen35, expert_count",
    "qwen35moe, leading_dense_block_count",
    "granitehybrid, attention.sliding_window",
    "nemotron_h, expert_count",
    "nemotron_h_moe, moe_latent_size",
  })
  void unsupportedKeys(String model, String key) {
    String full = architecture(model) + "." + key;
    assertRefused(UnsupportedModelException.class, model, full, writer -> writer.uint32(full, 4));
  }

  @Test
  void attentionThatIsNotCausal() {
    String key = "llama.attention.causal";
    assertRefused(UnsupportedModelException.class, "llama", key, w -> w.bool(key, false));
  }

  @Test
  void unknownRotaryScaling() {
    String key = "qwen2.rope.scaling.type";
    assertRefused(UnsupportedModelException.class, "qwen2", key, w -> w.string(key, "spiral"));
  }

  @Test
  void headsThatDifferFromLayerToLayer() {
    String key = "qwen2.attention.head_count_kv";
    assertRefused(UnsupportedModelException.class, "qwen2", key, w -> w.int32s(key, 2, 1));
  }

  @ParameterizedTest
  @CsvSource({
    "llama, attention.head_count, 4",
    "qwen2, attention.head_count_kv, 2",
    "gpt2, feed_forward_length, 128",
    "openelm, attention.head_count, 2",
    "gemma4, attention.head_count_kv, 1",
  })
  void rejectsArraysLongerOrShorterThanTheLayers(String model, String key, int value) {
    String full = architecture(model) + "." + key;
    for (int layers : new int[] {1, 9}) {
      int[] values = new int[layers];
      Arrays.fill(values, value);
      assertRefused(ModelException.class, model, full, writer -> writer.int32s(full, values));
    }
  }

  @Test
  void sparsityOfTooFewLayersOrNoNumber() {
    String key = "gemma3n.activation_sparsity_scale";
    assertRefused(ModelException.class, "gemma3n", key, w -> w.float32s(key, 1, 1));
    assertRefused(
        ModelException.class, "gemma3n", key, w -> w.float32s(key, 1, 1, Float.NaN, 1, 1));
  }

  @Test
  void windowsOfTooFewLayers() {
    String key = "gemma3.attention.sliding_window_pattern";
    byte[] slides = {1, 1, 0};
    assertRefused(
        ModelException.class, "gemma3", key, w -> w.array(key, GgufValueType.BOOL, 3, slides));
  }

  /** Weights scale what one expert reads, not what several do. */
  @Test
  void severalExpertsOfLlama4() {
    assertRefused(
        UnsupportedModelException.class,
        "llama4",
        "one expert",
        w -> w.uint32("llama4.expert_used_count", 2));
  }

  /** A sparse mixer knows neither sigmoids nor a bias. */
  @Test
  void sparseMixersOfOtherScores() {
    String bias = "blk.0.exp_probs_b.bias";
    assertRefused(
        UnsupportedModelException.class,
        "phimoe",
        "sparse mixer",
        w -> w.uint32("phimoe.expert_gating_func", 2));
    assertRefused(
        UnsupportedModelException.class,
        "phimoe",
        bias,
        w -> w.tensor(bias, GgmlType.F32, new byte[5 * 4], 5));
  }

  @ParameterizedTest
  @ValueSource(strings = {"embedding_scale", "residual_scale", "logit_scale"})
  void constantsThatOldFilesLeaveOut(String name) {
    String key = "minicpm." + name;
    assertRefused(UnsupportedModelException.class, "minicpm", key, w -> w.remove(key));
  }

  @ParameterizedTest
  @CsvSource({"alpha_p, Infinity", "alpha_n, 1001", "beta, NaN", "eps, 0.1"})
  void parametersOfActivationsOutsideTheirLimits(String name, float value) {
    String key = "xielu." + name;
    assertRefused(ModelException.class, "apertus", key, w -> w.float32(key, value));
    assertRefused(ModelException.class, "apertus", key, w -> w.float32s(key, 0, value));
    assertRefused(ModelException.class, "apertus", key, w -> w.float32s(key, 0));
  }
}
