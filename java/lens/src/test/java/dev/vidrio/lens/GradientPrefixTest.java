package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that gradients after a prefix have the bits of those of the whole text. */
class GradientPrefixTest {
  private static final String HOOKS =
      "hook_embed, *.hook_resid_pre, *.hook_k, *.hook_v, *.hook_z, *.hook_mlp_out,"
          + " ln_final.hook_scale";

  private static final DifferentiableMetric METRIC = Metric.logitDifference(5, 9);

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.OF_ALL_TRAITS)
  void coversEveryArchitecture(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      check(Lens.of(model), GradientOptions.of(HOOKS, tokens.length), tokens, 1, 5);
    }
  }

  static Stream<Supplier<Executor>> executors() {
    return TestExecutors.all(2);
  }

  /** Over two blocks of the cache, and tiles of keys. */
  @ParameterizedTest
  @MethodSource("executors")
  @Tag("long")
  void everyExecutor(Supplier<Executor> executor) {
    int[] tokens = BardFiles.gold("f32").ints("tokens");
    int[] text = IntStream.range(0, 80).map(i -> tokens[i % tokens.length]).toArray();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(executor))) {
      check(Lens.of(model), GradientOptions.of(HOOKS, text.length), text, 70);
    }
  }

  @Test
  void recomputesActivations() {
    int[] text = IntStream.range(0, 150).map(i -> (i * 37 + 11) % 2048).toArray();
    try (Model model = Model.open(BardFiles.q8())) {
      GradientOptions options = GradientOptions.of(HOOKS, text.length).recomputing();
      check(Lens.of(model), options, text, 70, 129, 149);
    }
  }

  private static void check(Lens lens, GradientOptions options, int[] tokens, int... prefixes) {
    try (GradientSession session = GradientSession.open(lens, options)) {
      double value = session.run(tokens, METRIC);
      Map<HookPoint, float[]> whole = gradients(session);
      for (int prefix : prefixes) {
        session.prefix(Arrays.copyOf(tokens, prefix));
        int[] rest = Arrays.copyOfRange(tokens, prefix, tokens.length);
        assertEquals(value, session.run(rest, METRIC));
        gradients(session)
            .forEach(
                (point, actual) -> {
                  float[] all = Objects.requireNonNull(whole.get(point));
                  int from = all.length - actual.length;
                  assertArrayEquals(Arrays.copyOfRange(all, from, all.length), actual, point + "");
                });
      }
    }
  }

  private static Map<HookPoint, float[]> gradients(GradientSession session) {
    Map<HookPoint, float[]> gradients = new LinkedHashMap<>();
    session.points().forEach(point -> gradients.put(point, session.gradient(point).toArray()));
    return gradients;
  }

  /** Positions of edits are those of the whole text; without a prefix a text begins anew. */
  @Test
  void editsCountPrefixPositions() {
    HookPoint mlp = new HookPoint(HookSite.MLP_OUT, 1);
    GradientOptions options = GradientOptions.of("hook_embed", 4).withEditable(mlp.name());
    List<Intervention> edits =
        List.of(Intervention.zero(mlp).position(1), Intervention.scale(mlp, 2).position(3));
    try (Model model = Model.open(BardFiles.q8());
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      session.edits(edits);
      double value = session.run(new int[] {1, 2, 3, 4}, METRIC);
      session.prefix(1, 2);
      assertEquals(value, session.run(new int[] {3, 4}, METRIC));
      session.prefix();
      assertEquals(value, session.run(new int[] {1, 2, 3, 4}, METRIC));
    }
  }

  @Test
  void rejectsInvalidPrefixes() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      try (GradientSession session =
          GradientSession.open(lens, GradientOptions.of("hook_embed", 3))) {
        assertThrows(InvalidInputException.class, () -> session.prefix(1, 2, 3, 4));
        assertThrows(InvalidInputException.class, () -> session.prefix(1, -1));
        session.prefix(1, 2);
        assertThrows(InvalidInputException.class, () -> session.forward(new int[] {3, 4}));
        assertThrows(IllegalStateException.class, session::backward);
      }
      try (GradientSession session =
          GradientSession.open(lens, GradientOptions.of("*.hook_pattern", 3))) {
        assertThrows(InvalidInputException.class, () -> session.prefix(1));
      }
    }
  }
}
