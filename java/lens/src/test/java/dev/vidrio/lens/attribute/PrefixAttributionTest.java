package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PrefixAttributionTest extends BardTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90, 12, 300};

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void attributionsHaveTheBitsOfEachPrefix(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int from = tokens.length - 2;
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens own = Lens.of(tiny);
      try (var all = PrefixAttribution.of(own, tokens, from, Long.MAX_VALUE).orElseThrow()) {
        for (int length : new int[] {tokens.length, from, from + 1}) {
          int[] prefix = Arrays.copyOf(tokens, length);
          assertTrue(all.covers(prefix, 1));
          assertEquals(
              GradientAttribution.timesInput(own, prefix, Metric.logit(3)),
              all.timesInput(length, Metric.logit(3)));
        }
      }
    }
  }

  @Test
  void attributesSeveralPositions() {
    var metric = Metric.logProbability(new int[] {8, 90});
    try (var all = PrefixAttribution.of(lens, TOKENS, 4, Long.MAX_VALUE).orElseThrow()) {
      int[] prefix = Arrays.copyOf(TOKENS, 6);
      assertTrue(all.covers(prefix, 2));
      assertEquals(GradientAttribution.timesInput(lens, prefix, metric), all.timesInput(6, metric));
      assertEquals(GradientAttribution.norm(lens, prefix, metric), all.norm(6, metric));
      assertFalse(all.covers(Arrays.copyOf(TOKENS, 4), 2), "the logits of the third token");
      assertThrows(InvalidInputException.class, () -> all.timesInput(4, metric));
      assertFalse(all.covers(new int[] {5, 120, 44, 700, 1}, 1), "another text");
      assertFalse(all.covers(Arrays.copyOf(TOKENS, TOKENS.length + 1), 1), "a longer text");
    }
  }

  @Test
  void runsNothingThatNeedsTooMuchMemory() {
    assertTrue(PrefixAttribution.of(lens, TOKENS, 4, 1000).isEmpty());
    var e =
        assertThrows(
            InvalidInputException.class, () -> PrefixAttribution.of(lens, TOKENS, 10, 1000));
    assertEquals("from 10: must be 1 to 9", e.getMessage());
  }
}
