package dev.vidrio.model.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SafetensorsImage;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests that invalid and unsupported adapter files are rejected by name. */
class AdapterFileTest {
  private static final String Q = "blk.0.attn_q.weight";
  private static final String MODULE = "base_model.model.model.layers.0.self_attn.q_proj.";

  @TempDir Path directory;

  private final SplittableRandom random = new SplittableRandom(1);
  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    Path file = directory.resolve("tiny.gguf");
    model = Model.open(TinyModel.write(file, TinyModel.Options.standard().withExperts(2)));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private GgufWriter writer() {
    return TinyAdapter.put(TinyAdapter.writer(4), Q, GgmlType.F32, 4, random);
  }

  private void assertRejected(String message, GgufWriter writer) throws IOException {
    Path file = Files.write(directory.resolve("lora.gguf"), writer.toBytes());
    ModelException e = assertThrows(ModelException.class, () -> model.openAdapter(file).close());
    assertEquals(file + ": " + message, e.getMessage());
  }

  @Test
  void rejectsKeysOfOtherFilesAndModels() throws IOException {
    assertRejected("key 'general.type': is missing", writer().remove("general.type"));
    assertRejected(
        "key 'general.type' model: must be adapter", writer().string("general.type", "model"));
    assertRejected(
        "key 'adapter.type' ia3 is not supported: supported: lora",
        writer().string("adapter.type", "ia3"));
    assertRejected(
        "key 'general.architecture' qwen2: must be llama",
        writer().string("general.architecture", "qwen2"));
    assertRejected(
        "key 'adapter.alora.invocation_tokens' is not supported: unknown key; known:"
            + " adapter.lora.alpha, adapter.lora.prompt_prefix, adapter.lora.task_name,"
            + " adapter.type",
        writer().int32s("adapter.alora.invocation_tokens", 1, 2));
    assertRejected(
        "key 'adapter.lora.alpha' -1.0: must be 0.0 to 1.6777216E7",
        writer().float32("adapter.lora.alpha", -1));
  }

  @Test
  void rejectsTensorsThatAreNotPairsOfFactors() throws IOException {
    assertRejected("has no tensors", TinyAdapter.writer(1));
    assertRejected(
        "tensor 'blk.0.attn_q.weight.lora_b': is missing", writer().removeTensor(Q + ".lora_b"));
    assertRejected(
        "tensor 'blk.0.attn_q.weight.lora_a': is missing", writer().removeTensor(Q + ".lora_a"));
    assertRejected(
        "tensor 'blk.0.attn_norm.weight' is not supported:"
            + " adapters have *.lora_a and *.lora_b",
        TinyAdapter.put(writer(), "blk.0.attn_norm.weight", GgmlType.F32, random, 32, 1));
  }

  private GgufWriter with(String tensor) {
    return TinyAdapter.put(writer(), tensor, GgmlType.F32, 4, random);
  }

  @Test
  void rejectsTensorsThatCannotBeAdapted() throws IOException {
    assertRejected(
        "tensor 'blk.2.attn_q.weight.lora_a': the model has no 'blk.2.attn_q.weight'",
        with("blk.2.attn_q.weight"));
    String supported =
        " is not supported: supported: projections of attention and feed-forward blocks, and"
            + " output.weight";
    assertRejected("an adapter of 'token_embd.weight'" + supported, with("token_embd.weight"));
    assertRejected(
        "an adapter of 'blk.1.ffn_norm.weight'" + supported, with("blk.1.ffn_norm.weight"));
    assertRejected(
        "an adapter of 'blk.0.ffn_up_exps.weight'" + supported, with("blk.0.ffn_up_exps.weight"));
  }

  private GgufWriter factor(String factor, GgmlType type, int columns, int rows) {
    return TinyAdapter.put(writer(), Q + factor, type, random, columns, rows);
  }

  @Test
  void rejectsMismatchedShapes() throws IOException {
    String a = "tensor 'blk.0.attn_q.weight.lora_a' ";
    String b = "tensor 'blk.0.attn_q.weight.lora_b' ";
    assertRejected(a + "shape [31, 4]: must be [32, 4]", factor(".lora_a", GgmlType.F32, 31, 4));
    assertRejected(b + "shape [4, 32]: must be [3, 32]", factor(".lora_a", GgmlType.F32, 32, 3));
    assertRejected(b + "shape [4, 33]: must be [4, 32]", factor(".lora_b", GgmlType.F32, 4, 33));
    assertRejected(a + "rank 513: must be 1 to 512", factor(".lora_a", GgmlType.F32, 32, 513));
    assertRejected(
        "type Q4_0 of tensor 'blk.0.attn_q.weight.lora_a' is not supported:"
            + " supported: [F32, F16, BF16, Q8_0]",
        factor(".lora_a", GgmlType.Q4_0, 32, 4));
  }

  @Test
  void rejectsNonFiniteElements() throws IOException {
    byte[] data = new byte[32 * 4 * 4];
    data[4 * 37 + 2] = (byte) 0xc0;
    data[4 * 37 + 3] = 0x7f;
    assertRejected(
        "tensor 'blk.0.attn_q.weight.lora_b' element 37 NaN: must be finite",
        writer().tensor(Q + ".lora_b", GgmlType.F32, data, 4, 32));
  }

  private SafetensorsImage factors(int rank) {
    return new SafetensorsImage()
        .zeros(MODULE + "lora_A.weight", "F32", 4, rank, 32)
        .zeros(MODULE + "lora_B.weight", "F32", 4, 32, rank);
  }

  private String refused(String config, SafetensorsImage tensors) throws IOException {
    Path peft = Files.createDirectories(directory.resolve("peft"));
    Files.writeString(peft.resolve("adapter_config.json"), config);
    Files.write(peft.resolve("adapter_model.safetensors"), tensors.bytes());
    ModelException e = assertThrows(ModelException.class, () -> model.openAdapter(peft).close());
    assertTrue(e.getMessage().startsWith(peft + "/"), e.getMessage());
    return e.getMessage().substring(peft.toString().length() + 1);
  }

  /** Returns a configuration with one key added or changed. */
  private static String config(String key, String value) {
    String rest = key.equals("r") ? "" : "\"r\": 2, ";
    rest += key.equals("lora_alpha") ? "" : "\"lora_alpha\": 4, ";
    return "{" + rest + "\"" + key + "\": " + value + "}";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "peft_type | \"IA3\" | is not supported: supported: [LORA]",
        "use_dora | true | is not supported: must be false",
        "lora_bias | true | is not supported: must be false",
        "bias | \"all\" | is not supported: supported: [none]",
        "modules_to_save | [\"lm_head\"] | is not supported: supported: factors of projections",
        "trainable_token_indices | [7] | is not supported: supported: factors of projections",
        "init_lora_weights | \"pissa\" | is not supported: convert it to a plain adapter",
        "rank_pattern | {\"q.*\": 2} | is not supported: patterns must be names of modules",
        "alpha_pattern | {\"q_proj\": 0} | 0.0: must be positive",
        "lora_alpha | 0 | 0.0: must be positive",
        "r | 0 | 0: must be 1 to 16777216"
      })
  void rejectsUnsupportedConfigurations(String key, String value, String expected)
      throws IOException {
    String message = refused(config(key, value), factors(2));
    assertTrue(message.startsWith("adapter_config.json: key '" + key), message);
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsUnsupportedPeftTensors() throws IOException {
    String config = config("bias", "\"none\"");
    String file = "adapter_model.safetensors: tensor '" + MODULE;
    assertEquals(
        file + "lora_A.weight' shape [3, 32]: must be [2, K]", refused(config, factors(3)));
    assertEquals(
        file + "lora_B.weight': is missing",
        refused(config, new SafetensorsImage().zeros(MODULE + "lora_A.weight", "F32", 4, 2, 32)));
    assertEquals(
        file + "lora_B.weight' shape [16, 2]: must be [32, 2]",
        refused(
            config,
            new SafetensorsImage()
                .zeros(MODULE + "lora_A.weight", "F32", 4, 2, 32)
                .zeros(MODULE + "lora_B.weight", "F32", 4, 16, 2)));
    assertEquals(
        file + "lora_magnitude_vector' is not supported: the architecture does not have it here",
        refused(config, factors(2).zeros(MODULE + "lora_magnitude_vector", "F32", 4, 32)));
    assertEquals(
        "adapter_model.safetensors: tensor 'base_model.model.model.embed_tokens.lora_embedding_A'"
            + " is not supported: the architecture does not have it here",
        refused(
            config,
            factors(2).zeros("base_model.model.model.embed_tokens.lora_embedding_A", "F32", 4, 2)));
  }

  @Test
  void rejectsMissingFiles() throws IOException {
    Path empty = Files.createDirectories(directory.resolve("empty"));
    ModelException e = assertThrows(ModelException.class, () -> model.openAdapter(empty).close());
    assertEquals(empty.resolve("adapter_config.json") + ": no such file", e.getMessage());
  }
}
