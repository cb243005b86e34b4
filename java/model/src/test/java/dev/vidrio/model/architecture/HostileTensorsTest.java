package dev.vidrio.model.architecture;

import static dev.vidrio.model.architecture.HostileFiles.assertRefused;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tensors that are missing, or that no key asks for, are errors. */
class HostileTensorsTest {
  @ParameterizedTest
  @CsvSource({
    "phi3-longrope, rope_factors_long.weight",
    "gpt2, position_embd.weight",
    "gpt_neo, position_embd.weight",
    "opt, blk.1.ffn_up.weight",
    "olmo_hybrid, blk.0.ssm_conv1d_k.weight",
    "olmo_hybrid, blk.1.post_attention_norm.weight",
    "olmo_hybrid, blk.2.ssm_alpha.weight",
    "recurrent_gemma, blk.0.ssm_a",
    "recurrent_gemma, blk.0.ssm_conv1d.bias",
    "recurrent_gemma, blk.1.attn_k.weight",
    "recurrent_gemma, blk.2.ssm_input_gate.weight",
    "recurrent_gemma, blk.2.ssm_recurrent_gate.bias",
    "lfm3, blk.1.attn_gate.weight",
    "lfm3, blk.0.post_attention_norm.weight",
    "gemma2, blk.1.post_ffw_norm.weight",
    "gemma3n, altup_unembd_proj.weight",
    "gemma3n, blk.1.altup_correct_coef.weight",
    "gemma3n, blk.2.laurel_l.weight",
    "gemma4, per_layer_token_embd.weight",
    "gemma4, blk.4.inp_gate.weight",
    "gemma4-keys-as-values, blk.2.attn_k.weight",
    "olmo2, blk.0.attn_q_norm.weight",
    "qwen3, blk.1.attn_k_norm.weight",
    "gptneox, blk.0.attn_qkv.weight",
    "mixtral, blk.1.ffn_gate_inp.weight",
    "qwen3moe, blk.0.ffn_down_exps.weight",
    "stablelm-head-norms, blk.1.attn_k_norm.weight",
    "command-r-head-norms, blk.1.attn_q_norm.weight",
    "cohere2, blk.4.attn_norm.weight",
    "glm4, blk.0.post_attention_norm.weight",
    "exaone4, blk.1.post_ffw_norm.weight",
    "ernie4_5, blk.1.ffn_norm.weight",
    "starcoder2, blk.0.ffn_up.weight",
    "phi2, output_norm.weight",
    "falcon, blk.1.attn_norm_2.weight",
    "falcon-h1, blk.1.attn_k.weight",
    "falcon-h1, blk.1.ffn_norm",
    "falcon-h1-norm, blk.1.ssm_norm.weight",
    "seed_oss, blk.0.post_attention_norm.weight",
    "minicpm, blk.1.ffn_down.weight",
    "flex_olmo, blk.1.ffn_gate_inp.weight",
    "flex_olmo, blk.0.post_ffw_norm.weight",
    "hyperclovax, blk.1.post_attention_norm.weight",
    "bitnet, blk.1.attn_sub_norm.weight",
    "bitnet-b1.58, blk.0.ffn_sub_norm.weight",
    "vaultgemma, blk.2.ffn_norm.weight",
    "nanochat, blk.1.ffn_up.weight",
    "afmoe, blk.1.attn_gate.weight",
    "afmoe, blk.3.post_ffw_norm.weight",
    "starcoder, position_embd.weight",
    "xverse, blk.0.attn_k.weight",
    "mistral3, blk.1.ffn_down.weight",
    "apertus, blk.1.attn_k_norm.weight",
    "arcee, blk.0.ffn_up.weight",
    "nemotron, blk.1.attn_norm.weight",
    "olmo, blk.0.attn_output.weight",
    "hunyuan-dense, blk.1.attn_q_norm.weight",
    "exaone, blk.0.ffn_norm.weight",
    "internlm2, output_norm.weight",
    "orion, blk.1.ffn_norm.weight",
    "phimoe, blk.0.ffn_norm.weight",
    "phimoe-longrope, rope_factors_long.weight",
    "minimax-m2, blk.1.attn_q_norm.weight",
    "llama4, blk.3.ffn_gate_inp.weight",
    "llama4-interleaved, blk.0.ffn_down.weight",
    "bailingmoe2, blk.1.ffn_down_shexp.weight",
    "exaone-moe, blk.3.attn_norm.weight",
    "mellum, blk.2.attn_k_norm.weight",
    "jais2, blk.1.ffn_up.weight",
    "pangu-embedded, blk.0.attn_q.weight",
    "minicpm3, blk.1.attn_q_b.weight",
    "plm, blk.0.attn_kv_b.weight",
    "smallthinker, blk.0.ffn_up_exps.weight",
    "lfm2, blk.0.shortconv.conv.weight",
    "qwen3next, blk.2.ssm_conv1d.weight",
    "qwen35, blk.0.ssm_alpha.weight",
    "qwen35, blk.2.attn_gate.weight",
    "qwen35moe, blk.1.attn_q.weight",
    "granitehybrid, blk.0.ssm_d",
    "granitehybrid, blk.2.ssm_dt.bias",
    "nemotron_h, blk.3.ssm_norm.weight",
    "nemotron_h_moe, blk.2.ffn_up_exps.weight",
  })
  void lostTensors(String model, String tensor) {
    String what = tensor.replace("attn_qkv", "attn_q");
    assertRefused(ModelException.class, model, what, writer -> writer.removeTensor(tensor));
  }

  @Test
  void expertsThatTheFileDoesNotHave() {
    String tensor = "blk.0.ffn_gate_exps.weight";
    Consumer<GgufWriter> five =
        w -> {
          w.uint32("llama.expert_count", 5);
          w.tensor("blk.0.ffn_gate_inp.weight", GgmlType.F32, new byte[5 * 32 * 4], 32, 5);
        };
    assertRefused(ModelException.class, "mixtral", tensor, five);
  }

  /** States would grow without bound. */
  @Test
  void ratesOfGrowth() {
    String tensor = "blk.0.ssm_a";
    var rates = ByteBuffer.allocate(6 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    rates.putFloat(2 * Float.BYTES, 0.5f);
    assertRefused(
        ModelException.class,
        "qwen35",
        tensor,
        w -> w.removeTensor(tensor).tensor(tensor, GgmlType.F32, rates.array(), 6));
  }

  @Test
  void positionsWithoutEmbedding() {
    assertRefused(
        ModelException.class,
        "gpt2",
        "position_embd.weight",
        writer -> writer.uint32("gpt2.context_length", 129));
  }

  @Test
  void tensorOfAnotherArchitecture() {
    assertRefused(
        UnsupportedModelException.class,
        "qwen2",
        "blk.0.attn_q_norm.weight",
        w -> w.tensor("blk.0.attn_q_norm.weight", GgmlType.F32, new byte[32], 8));
  }
}
