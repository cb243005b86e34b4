package dev.vidrio.model.architecture;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.model.testfiles.TinyModels;
import java.lang.foreign.Arena;
import java.util.function.Consumer;

/** Files of tiny models that are changed to be wrong. */
final class HostileFiles {
  private HostileFiles() {}

  private static void load(String model, Consumer<GgufWriter> change) {
    GgufWriter writer = TinyModels.writer(model);
    change.accept(writer);
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Gguf gguf = writer.parse("hostile.gguf", arena);
      var _ =
          Catalog.load(
              gguf, executor, arena, LoadListener.SILENT, Repacking.AT_ONCE, ModelVariant.STANDARD);
    }
  }

  /** The name of a tiny model less what it has besides its architecture's. */
  static String architecture(String model) {
    return model
        .replaceAll("mistral$|mixtral", "llama")
        .replace("olmo3", "olmo2")
        .replaceAll("-(longrope|head-norms|windows|clamped|keys-as-values|lite|groups)", "")
        .replaceAll("-(13b|interleaved|mixture)", "")
        .replace("deepseek3", "deepseek2");
  }

  /** A changed model ends in an error that names the file and something else. */
  static void assertRefused(
      Class<? extends ModelException> type, String model, String what, Consumer<GgufWriter> c) {
    String message = assertThrows(type, () -> load(model, c)).getMessage();
    assertTrue(message.startsWith("hostile.gguf: ") && message.contains(what), message);
  }
}
