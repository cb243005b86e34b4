package dev.vidrio.model.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The text of a model that also sees reads as the model of text alone that it is. */
class TextPartsTest {
  private static final JsonMapper JSON = JsonMapper.shared();

  @TempDir Path temporary;

  /** As checkpoints have it, in a directory of one name. */
  private Path whole;

  @BeforeEach
  void makeDirectory() throws IOException {
    whole = Files.createDirectory(temporary.resolve("model"));
  }

  private static Path directory(String model) throws URISyntaxException {
    return Path.of(
            Objects.requireNonNull(TextPartsTest.class.getResource(model + "/config.json")).toURI())
        .resolveSibling("");
  }

  private static ObjectNode config(String model) throws IOException, URISyntaxException {
    byte[] bytes = Files.readAllBytes(directory(model).resolve("config.json"));
    return (ObjectNode) JSON.readTree(bytes);
  }

  /** Writes a model's tensors under other names, and those of what sees and of what drafts. */
  private void writeTensors(String model, String prefix) throws IOException, URISyntaxException {
    writeTensors(model, prefix, "", 0);
  }

  /** A file with fewer rows of one matrix. */
  private void writeTensors(String model, String prefix, String cut, long rows)
      throws IOException, URISyntaxException {
    try (Arena arena = Arena.ofConfined()) {
      Map<String, SafetensorsTensor> tensors = new TreeMap<>();
      Path file = directory(model).resolve("model.safetensors");
      for (SafetensorsTensor tensor : Safetensors.open(file, arena).tensors()) {
        String head = prefix.startsWith("language_model.") ? "language_model.lm_head." : "lm_head.";
        String name = tensor.name().replaceFirst("^model\\.", prefix);
        SafetensorsTensor taken = tensor.name().equals(cut) ? firstRows(tensor, rows) : tensor;
        tensors.put(name.replaceFirst("^lm_head\\.", head), taken);
      }
      List<Entry> entries = new ArrayList<>();
      tensors.forEach((name, t) -> entries.add(new Entry(name, t.dtype(), t.shape())));
      List<String> others = new ArrayList<>(List.of("vision_tower.patch_conv.weight"));
      if (TinyModels.has(model, Trait.GATED_DELTA_RULE)) {
        others.add("mtp.norm.weight");
      }
      others.forEach(name -> entries.add(new Entry(name, Dtype.F32, List.of(1L))));
      Path target = whole.resolve("model.safetensors");
      try (var writer = SafetensorsWriter.create(target, entries, Map.of())) {
        for (Map.Entry<String, SafetensorsTensor> tensor : tensors.entrySet()) {
          writer.write(tensor.getKey(), tensor.getValue().data());
        }
        for (String name : others) {
          writer.write(name, new float[1]);
        }
        writer.finish();
      }
    }
  }

  private static SafetensorsTensor firstRows(SafetensorsTensor matrix, long rows) {
    long bytes = matrix.data().byteSize() / matrix.shape().getFirst() * rows;
    List<Long> shape = List.of(rows, matrix.shape().getLast());
    MemorySegment data = matrix.data().asSlice(0, bytes);
    return new SafetensorsTensor(matrix.name(), matrix.dtype(), shape, data);
  }

  private void writeConfig(ObjectNode config) throws IOException {
    Files.write(whole.resolve("config.json"), JSON.writeValueAsBytes(config));
  }

  private static ObjectNode wrapped(String kind, ObjectNode text) {
    ObjectNode config = JSON.createObjectNode();
    config.putArray("architectures").add(kind);
    config.set("text_config", text);
    return config;
  }

  private static Map<String, String> keys(Gguf gguf) {
    Map<String, String> keys = new TreeMap<>();
    gguf.metadata().entries().forEach((key, value) -> keys.put(key, value.toString()));
    keys.remove("general.name");
    return keys;
  }

  private static void assertSame(Gguf expected, Gguf actual) {
    assertEquals(keys(expected), keys(actual));
    assertEquals(expected.tensors().size(), actual.tensors().size());
    for (GgufTensor tensor : expected.tensors()) {
      GgufTensor found = actual.tensor(tensor.name());
      assertEquals(tensor.shape(), found.shape());
      assertEquals(-1, tensor.data().mismatch(found.data()), tensor.name());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "gemma3, Gemma3ForConditionalGeneration, language_model.model.",
    "gemma3, Gemma3ForConditionalGeneration, model.language_model.",
    "gemma3n, Gemma3nForConditionalGeneration, model.language_model.",
    "gemma4, Gemma4ForConditionalGeneration, model.language_model.",
    "llama4, Llama4ForConditionalGeneration, language_model.model.",
    "llama, Mistral3ForConditionalGeneration, language_model.model.",
    "mistral3, Mistral3ForConditionalGeneration, language_model.model.",
    "mistral4, Mistral3ForConditionalGeneration, language_model.model.",
    "mistral4, Mistral3ForConditionalGeneration, model.language_model.",
    "qwen35moe, Qwen3_5MoeForConditionalGeneration, model.language_model.",
  })
  void readsAsTheTextAlone(String model, String kind, String prefix)
      throws IOException, URISyntaxException {
    ObjectNode text = config(model);
    if (model.equals("llama")) {
      text.put("model_type", "mistral"); // the same but for its name
    }
    ObjectNode config = wrapped(kind, text);
    if (text.has("tie_word_embeddings")) { // the whole model's word counts
      boolean tied = text.get("tie_word_embeddings").booleanValue();
      config.put("tie_word_embeddings", tied);
      text.put("tie_word_embeddings", !tied);
    }
    writeConfig(config);
    writeTensors(model, prefix);
    try (Arena arena = Arena.ofShared()) {
      assertSame(
          HuggingFaceModel.open(directory(model), arena).toGguf(arena),
          HuggingFaceModel.open(whole, arena).toGguf(arena));
    }
  }

  /** Tokens that stand for what is seen and heard have the per-layer inputs of token 0. */
  @Test
  void perLayerTablesOfFewerTokens() throws IOException, URISyntaxException {
    ObjectNode text = config("gemma3n").put("vocab_size_per_layer_input", 62);
    writeConfig(wrapped("Gemma3nForConditionalGeneration", text));
    String cut = "model.embed_tokens_per_layer.weight";
    writeTensors("gemma3n", "model.language_model.", cut, 62);
    String table = "per_layer_token_embd.weight";
    try (Arena arena = Arena.ofShared()) {
      MemorySegment expected = tensor(directory("gemma3n"), table, arena);
      MemorySegment actual = tensor(whole, table, arena);
      long row = expected.byteSize() / 64;
      assertEquals(expected.byteSize(), actual.byteSize());
      assertEquals(-1, expected.asSlice(0, 62 * row).mismatch(actual.asSlice(0, 62 * row)));
      assertEquals(-1, expected.asSlice(0, row).mismatch(actual.asSlice(62 * row, row)));
      assertEquals(-1, expected.asSlice(0, row).mismatch(actual.asSlice(63 * row, row)));
    }
  }

  private static MemorySegment tensor(Path directory, String name, Arena arena) {
    return HuggingFaceModel.open(directory, arena).toGguf(arena).tensor(name).data();
  }

  /** Configs of Qwen2-VL had the keys of the text beside the others. */
  @Test
  void readsKeysBesideTheOthers() throws IOException, URISyntaxException {
    ObjectNode config = config("qwen2vl");
    ObjectNode text = (ObjectNode) config.remove("text_config");
    text.setAll(config);
    text.remove("rope_parameters");
    ObjectNode rope = text.putObject("rope_scaling").put("type", "mrope");
    rope.putArray("mrope_section").add(2).add(1).add(1);
    writeConfig(text);
    writeTensors("qwen2vl", "model.");
    try (Arena arena = Arena.ofShared()) {
      assertSame(
          HuggingFaceModel.open(directory("qwen2vl"), arena).toGguf(arena),
          HuggingFaceModel.open(whole, arena).toGguf(arena));
    }
  }

  /** The configuration of Gemma 3 4B omits values for which transformers has defaults. */
  @Test
  void takesWhatTransformersTakes() throws IOException, URISyntaxException {
    ObjectNode text = config("gemma3");
    for (String key :
        List.of("num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size")) {
      text.remove(key);
    }
    text.remove("max_position_embeddings");
    text.remove("rope_parameters");
    writeConfig(wrapped("Gemma3ForConditionalGeneration", text));
    writeTensors("gemma3", "language_model.model.");
    try (Arena arena = Arena.ofShared()) {
      var metadata = HuggingFaceModel.open(whole, arena).metadata();
      assertEquals(8, metadata.intValue("gemma3.attention.head_count", 1, 99));
      assertEquals(4, metadata.intValue("gemma3.attention.head_count_kv", 1, 99));
      assertEquals(256, metadata.intValue("gemma3.attention.key_length", 1, 999));
      assertEquals(131072, metadata.intValue("gemma3.context_length", 1, 1 << 20));
      assertEquals(1e6f, metadata.floatValue("gemma3.rope.freq_base", 1, 1e9f));
      assertEquals(1e4f, metadata.floatValue("gemma3.rope.freq_base_swa", 1, 1e9f));
    }
  }

  @Test
  void tensorsOfOneNameAreRefused() throws IOException {
    writeConfig(wrapped("Gemma3ForConditionalGeneration", JSON.createObjectNode()));
    List<Entry> entries =
        List.of(
            new Entry("model.norm.weight", Dtype.F32, List.of(1L)),
            new Entry("model.language_model.norm.weight", Dtype.F32, List.of(1L)));
    try (var writer =
        SafetensorsWriter.create(whole.resolve("model.safetensors"), entries, Map.of())) {
      writer.write("model.norm.weight", new float[1]);
      writer.write("model.language_model.norm.weight", new float[1]);
      writer.finish();
    }
    try (Arena arena = Arena.ofShared()) {
      String message =
          assertThrows(ModelFileException.class, () -> HuggingFaceModel.open(whole, arena))
              .getMessage();
      assertTrue(message.contains("is there twice"), message);
    }
  }
}
