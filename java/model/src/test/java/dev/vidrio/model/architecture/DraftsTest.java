package dev.vidrio.model.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.model.testfiles.TinyModels;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks that draft tokens are passed over, whether arrays of layers count them or not. */
class DraftsTest {
  private static Architecture load(GgufWriter writer, Arena arena, Executor executor) {
    Gguf gguf = writer.parse("drafts.gguf", arena);
    return Catalog.load(
        gguf, executor, arena, LoadListener.SILENT, Repacking.AT_ONCE, ModelVariant.STANDARD);
  }

  private static List<String> operations(Architecture architecture) {
    return architecture.plan().ops().stream()
        .map(op -> op.getClass().getSimpleName() + " " + op.primaryOperand().name())
        .toList();
  }

  private static void assertPassedOver(String model, GgufWriter drafts) {
    drafts.uint32(model + ".nextn_predict_layers", 2);
    drafts.tensor(
        "blk." + (model.equals("nemotron_h_moe") ? 5 : 3) + ".nextn.enorm.weight",
        GgmlType.F32,
        new byte[4],
        1);
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Architecture expected = load(TinyModels.writer(model), arena, executor);
      Architecture actual = load(drafts, arena, executor);
      assertEquals(operations(expected), operations(actual));
      assertEquals(expected.kvShape(), actual.kvShape());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"hy_v3", "glm4moe", "qwen3next", "qwen35", "qwen35moe"})
  void withoutArrays(String model) {
    GgufWriter writer = TinyModels.writer(model);
    assertPassedOver(model, writer.uint32(model + ".block_count", 5));
  }

  @Test
  void ignoresDraftBlocksOfOtherKinds() {
    GgufWriter writer = TinyModels.writer("nemotron_h_moe");
    writer
        .uint32("nemotron_h_moe.block_count", 7)
        .int32s("nemotron_h_moe.attention.head_count_kv", 0, 2, 0, 0, 0, 2, 2)
        .int32s("nemotron_h_moe.feed_forward_length", 0, 0, 24, 0, 24, 24, 24);
    assertPassedOver("nemotron_h_moe", writer);
  }

  @Test
  void inAllArrays() {
    GgufWriter writer = TinyModels.writer("mimo2");
    writer
        .uint32("mimo2.block_count", 5)
        .int32s("mimo2.attention.head_count_kv", 1, 2, 1, 2, 2)
        .int32s("mimo2.attention.sliding_window_pattern", 0, 1, 0, 1, 1);
    assertPassedOver("mimo2", writer);
  }

  @Test
  void notInThatOfWindows() {
    GgufWriter writer = TinyModels.writer("mimo2");
    writer
        .uint32("mimo2.block_count", 5)
        .int32s("mimo2.attention.head_count_kv", 1, 2, 1, 2, 2)
        .int32s("mimo2.attention.sliding_window_pattern", 0, 1, 0);
    assertPassedOver("mimo2", writer);
  }
}
