package dev.vidrio.model.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A directory of transformers reads as the GGUF file that llama.cpp's converter makes of it, and so
 * does the file that ours makes: the architectures cannot tell them apart.
 */
class DirectoriesTest {

  /**
   * Keys that say nothing of the model, among them epsilons of norms that it does not have, or that
   * llama.cpp leaves out where it has a default.
   */
  private static final List<String> OTHER_KEYS =
      List.of(
          "general\\..*",
          "tokenizer\\..*",
          ".*\\.vocab_size",
          ".*\\.rope\\..*",
          ".*\\.tensor_data_layout",
          "nemotron\\.attention\\.layer_norm_rms_epsilon",
          "exaone\\.attention\\.layer_norm_epsilon");

  /** Models that have these divisors already. */
  private static final List<String> WITH_DIVISORS =
      List.of("apertus", "cwm", "exaone", "llama", "llama4");

  /** Architectures with classes in transformers that ignore {@code rope_scaling}. */
  private static final Set<String> IGNORES_LLAMA3 = Set.of("gemma4", "gptj");

  /** Architectures without Llama 3's scaling, with what the message of their refusal names. */
  private static final Map<String, String> REFUSED_LLAMA3 =
      Map.ofEntries(
          Map.entry("bitnet", "rope_theta"),
          Map.entry("bitnet-b1.58", "rope_theta"),
          Map.entry("flex_olmo", "rope_theta"),
          Map.entry("hy_v3", "rope_theta"),
          Map.entry("laguna", "rope_theta"),
          Map.entry("lfm3", "rope_theta"),
          Map.entry("mellum", "rope_theta"),
          Map.entry("minicpm3", "rope_freqs.weight"),
          Map.entry("mistral3", "rope_type"),
          Map.entry("phi3", "rope_freqs.weight"),
          Map.entry("phimoe", "rope_freqs.weight"),
          Map.entry("recurrent_gemma", "rope_type"));

  private static Path directory(String model) throws URISyntaxException {
    return Path.of(
            Objects.requireNonNull(DirectoriesTest.class.getResource(model + "/config.json"))
                .toURI())
        .resolveSibling("");
  }

  private static float[] floats(GgufTensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F32 -> tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            case BF16 ->
                Float.intBitsToFloat(
                    tensor.data().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i) << 16);
            default -> throw new AssertionError(tensor);
          };
    }
    return values;
  }

  private static Map<String, String> shapes(Gguf gguf) {
    Map<String, String> shapes = new TreeMap<>();
    gguf.tensors().forEach(tensor -> shapes.put(tensor.name(), tensor.shape().toString()));
    return shapes;
  }

  /** A value with the elements of arrays. */
  private static String text(@Nullable GgufValue value) {
    return value instanceof GgufValue.Array array
        ? StreamSupport.stream(array.spliterator(), false).toList().toString()
        : String.valueOf(value);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.DIRECTORIES)
  @Tag("long")
  void readsAsTheFileOfLlamaCpp(String model) throws URISyntaxException {
    try (Arena arena = Arena.ofShared()) {
      Gguf expected = TinyModels.gguf(model, arena);
      Gguf actual = HuggingFaceModel.open(directory(model), arena).toGguf(arena);
      assertEquals(shapes(expected), shapes(actual));
      for (GgufTensor tensor : expected.tensors()) {
        float[] wanted = floats(tensor);
        float[] found = floats(actual.tensor(tensor.name()));
        for (int i = 0; i < wanted.length; i++) {
          // llama.cpp computes rates and the divisors of Llama 3's frequencies in single precision
          float tolerance =
              tensor.name().matches("rope_freqs.weight|.*ssm_a") ? Math.ulp(wanted[i]) : 0;
          assertEquals(wanted[i], found[i], tolerance, tensor.name());
        }
      }
      expected
          .metadata()
          .entries()
          .forEach(
              (key, value) -> {
                if (OTHER_KEYS.stream().noneMatch(key::matches)
                    && !key.endsWith(".context_length")) {
                  assertEquals(text(value), text(actual.metadata().entries().get(key)), key);
                }
              });
    }
  }

  /** A model of the shape of another, under a name of its own. */
  @Test
  void nameOfItsOwn(@TempDir Path temporary) throws URISyntaxException, IOException {
    Path config = directory("llama").resolve("config.json");
    ObjectNode json = (ObjectNode) JsonMapper.shared().readTree(Files.readAllBytes(config));
    json.putArray("architectures").add("IQuestCoderForCausalLM");
    Files.write(temporary.resolve("config.json"), JsonMapper.shared().writeValueAsBytes(json));
    String weights = "model.safetensors";
    Files.copy(directory("llama").resolve(weights), temporary.resolve(weights));
    assertEquals(rates(directory("llama")), rates(temporary));
  }

  /** Experts of 4 bits are moved into the blocks of GGUF, bit for bit as by llama.cpp. */
  @Test
  void expertsOfMxfp4() throws URISyntaxException {
    String model = "gpt-oss-mxfp4";
    try (Arena arena = Arena.ofShared()) {
      Gguf expected = TinyModels.gguf(model, arena);
      Gguf actual = HuggingFaceModel.open(directory(model), arena).toGguf(arena);
      assertEquals(shapes(expected), shapes(actual));
      List<GgufTensor> experts =
          expected.tensors().stream().filter(t -> t.type() == GgmlType.MXFP4).toList();
      assertEquals(6, experts.size());
      for (GgufTensor tensor : experts) {
        GgufTensor found = actual.tensor(tensor.name());
        assertEquals(tensor.type(), found.type());
        assertEquals(-1, tensor.data().mismatch(found.data()), tensor.name());
      }
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.DIRECTORIES)
  void readsAsTheConvertedFile(String model, @TempDir Path temporary) throws URISyntaxException {
    Path file = temporary.resolve("converted.gguf");
    Quantizer.convert(directory(model), file, QuantizeOptions.keepTypes());
    try (Arena arena = Arena.ofShared()) {
      Gguf direct = HuggingFaceModel.open(directory(model), arena).toGguf(arena);
      Gguf converted = Gguf.open(file, arena);
      assertEquals(shapes(direct), shapes(converted));
      for (GgufTensor tensor : direct.tensors()) {
        GgufTensor other = converted.tensor(tensor.name());
        assertEquals(-1, tensor.data().mismatch(other.data()), tensor.name());
      }
      direct
          .metadata()
          .entries()
          .forEach(
              (key, value) ->
                  assertEquals(
                      value.toString(), String.valueOf(converted.metadata().entries().get(key))));
    }
  }

  /**
   * The divisors of Llama 3's frequencies count in each architecture that turns, or are refused.
   */
  @ParameterizedTest
  @MethodSource(TinyModels.DIRECTORIES)
  void llama3IsNotPassedOver(String model, @TempDir Path temporary)
      throws URISyntaxException, IOException {
    Path weights = directory(model).resolve("model.safetensors");
    Files.copy(weights, temporary.resolve("model.safetensors"));
    Path config = directory(model).resolve("config.json");
    ObjectNode json = (ObjectNode) JsonMapper.shared().readTree(Files.readAllBytes(config));
    List<List<Double>> before = rates(directory(model));
    ObjectNode text = json.get("text_config") instanceof ObjectNode own ? own : json;
    text.remove("rope_parameters");
    text.putObject("rope_scaling")
        .put("rope_type", "llama3")
        .put("factor", 8)
        .put("original_max_position_embeddings", 16);
    Files.write(temporary.resolve("config.json"), JsonMapper.shared().writeValueAsBytes(json));
    String architecture = TinyModels.architecture(model).name();
    String named = REFUSED_LLAMA3.get(architecture);
    if (IGNORES_LLAMA3.contains(architecture)) {
      assertEquals(before, rates(temporary));
    } else if (named != null) {
      String message = assertThrows(ModelException.class, () -> rates(temporary)).getMessage();
      assertTrue(message.contains(named), message);
    } else if (model.equals("olmo_hybrid")) { // its base was null
      assertNotEquals(before, rates(temporary));
    } else if (before.isEmpty() || WITH_DIVISORS.contains(model)) {
      assertEquals(before, rates(temporary));
    } else {
      assertNotEquals(before, rates(temporary));
    }
  }

  /** The frequencies of all that turns. */
  private static List<List<Double>> rates(Path directory) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Gguf gguf = HuggingFaceModel.open(directory, arena).toGguf(arena);
      Architecture architecture =
          Catalog.load(
              gguf, executor, arena, LoadListener.SILENT, Repacking.AT_ONCE, ModelVariant.STANDARD);
      return architecture.plan().ops().stream()
          .filter(op -> op instanceof SequenceOp.Rope)
          .map(op -> ((SequenceOp.Rope) op).rotation().frequencies())
          .toList();
    }
  }
}
