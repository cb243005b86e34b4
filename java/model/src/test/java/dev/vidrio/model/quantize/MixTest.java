package dev.vidrio.model.quantize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.gguf.TensorSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares tensor types with those of llama-quantize; make.py wrote mixes.txt. */
class MixTest {

  /** The dimensions of the models of mixes.txt. */
  private record Shape(String architecture, int layers, int group, int experts, int k) {
    static Shape of(String model) {
      return switch (model) {
        case "plain" -> new Shape("llama", 16, 2, 0, 512);
        case "grouped" -> new Shape("llama", 24, 4, 0, 256);
        case "experts" -> new Shape("llama", 16, 4, 8, 256);
        case "narrow" -> new Shape("llama", 30, 3, 0, 288);
        case "odd" -> new Shape("llama", 8, 1, 0, 48);
        case "fused" -> new Shape("gpt2", 12, 1, 0, 256);
        default -> throw new IllegalArgumentException(model);
      };
    }
  }

  static List<String> lines() throws IOException {
    try (InputStream in = MixTest.class.getResourceAsStream("mixes.txt")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .toList();
    }
  }

  private static TensorSource tensor(String name, Shape shape, boolean isStack) {
    long k = shape.k;
    List<Long> sizes = isStack ? List.of(k, 2L, (long) shape.experts) : List.of(k, 2L);
    return new TensorSource(
        name, GgmlType.F32, sizes, allocator -> allocator.allocate(8 * k * shape.experts));
  }

  private static List<TensorSource> tensors(Shape shape, boolean isTied) {
    List<TensorSource> tensors = new ArrayList<>();
    tensors.add(tensor("token_embd.weight", shape, false));
    if (!isTied) {
      tensors.add(tensor("output.weight", shape, false));
    }
    tensors.add(tensor("position_embd.weight", shape, false));
    boolean isFused = shape.architecture.equals("gpt2");
    List<String> attention =
        isFused
            ? List.of("attn_qkv", "attn_output")
            : List.of("attn_q", "attn_k", "attn_v", "attn_output");
    for (int l = 0; l < shape.layers; l++) {
      for (String role : attention) {
        tensors.add(tensor("blk." + l + "." + role + ".weight", shape, false));
      }
      boolean isStack = shape.experts > 0;
      for (String role : List.of("ffn_gate", "ffn_up", "ffn_down")) {
        String name = "blk." + l + "." + role + (isStack ? "_exps" : "") + ".weight";
        tensors.add(tensor(name, shape, isStack));
      }
    }
    return tensors;
  }

  @ParameterizedTest
  @MethodSource("lines")
  void matchesLlamaQuantize(String line) {
    String[] words = line.split(" ");
    Shape shape = Shape.of(words[0]);
    boolean isTied = !List.of("plain", "experts", "odd").contains(words[0]);
    List<TensorSource> tensors = tensors(shape, isTied);
    var metadata =
        new MetadataBuilder()
            .string("general.architecture", shape.architecture)
            .integer(shape.architecture + ".block_count", shape.layers)
            .integer(shape.architecture + ".attention.head_count", 12)
            .integer(shape.architecture + ".attention.head_count_kv", 12 / shape.group)
            .integer(shape.architecture + ".expert_count", shape.experts)
            .build("x");
    FileType type = FileType.ofName(words[2]).orElseThrow();
    var mix = new Mix(type, metadata, tensors, words[1].equals("weighted"));
    List<String> expected = new ArrayList<>();
    for (String run : List.of(words).subList(4, words.length)) {
      int times = run.indexOf('x');
      expected.addAll(
          Collections.nCopies(Integer.parseInt(run.substring(0, times)), run.substring(times + 1)));
    }
    List<String> actual =
        tensors.stream()
            .filter(
                tensor ->
                    tensor.name().matches("(blk\\.\\d+\\.)?" + words[3] + "(_exps)?\\.weight"))
            .map(tensor -> Mix.isMatrix(tensor) ? mix.typeOf(tensor).name() : "F32")
            .toList();
    assertEquals(expected, actual);
  }

  /** Small and sensitive matrices keep their types. */
  @ParameterizedTest
  @ValueSource(
      strings = {"altup_proj", "blk.0.altup_predict_coef", "blk.0.laurel_l", "blk.0.ffn_gate_inp"})
  void keepsSmallAndSensitiveMatrices(String name) {
    Shape shape = Shape.of("plain");
    assertFalse(Mix.isMatrix(tensor(name + ".weight", shape, false)));
    assertTrue(Mix.isMatrix(tensor("blk.0.inp_gate.weight", shape, false)));
  }

  @ParameterizedTest
  @MethodSource("aliases")
  void namesMatchLlamaQuantize(String name) {
    assertTrue(FileType.ofName(name).isPresent(), name);
    assertEquals(Optional.empty(), FileType.ofName("Q7_K"));
  }

  static List<String> aliases() {
    return List.of(
        "q4_k_m", "Q4_K", "q3_k", "Q5_K", "q6_k", "f32", "BF16", "iq4_nl", "IQ4_XS", "MXFP4_MOE");
  }
}
