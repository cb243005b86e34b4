package dev.vidrio.model.block;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.LoadListener;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.testfiles.TinyModels;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The magnitude of YaRN equals the one of llama.cpp. */
class RopeReaderTest {
  private static final double USUAL = 1 + 0.1 * Math.log(4);

  private static double magnitude(float factor, Map<String, Float> more) {
    GgufWriter writer = TinyModels.writer("mistral");
    writer.string("llama.rope.scaling.type", "yarn");
    writer.float32("llama.rope.scaling.factor", factor);
    more.forEach((key, value) -> writer.float32("llama.rope.scaling." + key, value));
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      return Catalog.load(
              writer.parse("yarn.gguf", arena),
              executor,
              arena,
              LoadListener.SILENT,
              Repacking.AT_ONCE,
              ModelVariant.STANDARD)
          .plan()
          .ops()
          .stream()
          .filter(op -> op instanceof SequenceOp.Rope)
          .mapToDouble(op -> ((SequenceOp.Rope) op).rotation().magnitude())
          .findFirst()
          .orElseThrow();
    }
  }

  @Test
  void factorsSharpen() {
    assertEquals(USUAL, magnitude(4, Map.of()), 1e-6);
    assertEquals(USUAL * 1.5, magnitude(4, Map.of("attn_factor", 1.5f)), 1e-6);
    assertEquals(1, magnitude(0.5f, Map.of()), 1e-6);
  }

  /** It divides what the factor makes; 0 is as good as no such key. */
  @Test
  void multipliersDivide() {
    assertEquals(USUAL, magnitude(4, Map.of("yarn_log_multiplier", 0f)), 1e-6);
    assertEquals(1, magnitude(4, Map.of("yarn_log_multiplier", 1f)), 1e-6);
    double half = 1 + 0.05 * Math.log(4);
    assertEquals(USUAL / half, magnitude(4, Map.of("yarn_log_multiplier", 0.5f)), 1e-6);
  }

  @Test
  void nothingButItsOwnFactorSharpensWithoutExtrapolation() {
    Map<String, Float> keys = Map.of("yarn_ext_factor", 0f, "yarn_attn_factor", 1.25f);
    assertEquals(1.25, magnitude(4, keys), 1e-6);
    assertEquals(USUAL, magnitude(4, Map.of("yarn_attn_factor", 1.25f)), 1e-6);
  }
}
