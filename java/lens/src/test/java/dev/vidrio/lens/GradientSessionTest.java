package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GradientSessionTest {
  @TempDir Path directory;

  private static final String ALL =
      "hook_embed, *.hook_resid_pre, *.hook_q, *.hook_k, *.hook_v, *.hook_z, *.hook_post";

  private static int[] tokens() {
    return BardFiles.gold("f32").ints("tokens");
  }

  /**
   * Reference gradients of the difference of two logits, computed in float64 over the exactly
   * dequantized weights. Float products round in the last of 24 bits, and errors add up over some
   * hundred operations in a row; activations of a Q8_0 model round at 1/254 of a block's greatest
   * on the way forward.
   */
  @ParameterizedTest
  @CsvSource({"f32, 1e-5", "q8_0, 5e-2"})
  void embeddingGradientMatchesReference(String type, double tolerance) {
    SafetensorsFile gold = BardFiles.gold(type);
    int[] target = gold.ints("target");
    try (Model model = Model.open(type.equals("f32") ? BardFiles.f32() : BardFiles.q8());
        GradientSession session =
            GradientSession.open(Lens.of(model), GradientOptions.of("hook_embed", 40))) {
      double value = session.run(gold.ints("tokens"), Metric.logitDifference(target[0], target[1]));
      float[] expected = gold.floats("hook_embed.grad");
      float[] actual = session.gradient(HookPoint.of(HookSite.EMBED)).toArray();
      double difference = 0;
      double magnitude = 0;
      for (int i = 0; i < expected.length; i++) {
        difference = Math.max(difference, Math.abs(actual[i] - (double) expected[i]));
        magnitude = Math.max(magnitude, Math.abs((double) expected[i]));
      }
      double error = difference / magnitude;
      assertTrue(error <= tolerance, "relative error " + error);
      assertTrue(Double.isFinite(value));
    }
  }

  @Test
  void recomputedActivationsHaveEqualBits() {
    GradientOptions options = GradientOptions.of(ALL, 64);
    try (Model model = Model.open(BardFiles.q8());
        GradientSession kept = GradientSession.open(Lens.of(model), options);
        GradientSession again = GradientSession.open(Lens.of(model), options.recomputing())) {
      double value = kept.run(tokens(), Metric.logit(5));
      assertEquals(value, again.run(tokens(), Metric.logit(5)));
      for (HookPoint point : kept.points()) {
        assertArrayEquals(
            kept.gradient(point).toArray(), again.gradient(point).toArray(), point.name());
      }
    }
  }

  /**
   * Under the conservative rules the bard is linear in the residual stream, and without biases: at
   * every layer gradient × input adds up to the logit.
   */
  @Test
  void relevanceIsConserved() {
    GradientOptions options =
        GradientOptions.of("*.hook_resid_pre", 40).withRules(GradientRules.CP_LRP);
    try (Model model = Model.open(BardFiles.f32());
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      double value = session.run(tokens(), Metric.logit(199));
      for (HookPoint point : session.points()) {
        float[] x = session.activation(point).toArray();
        float[] dx = session.gradient(point).toArray();
        double sum = 0;
        double magnitude = 0;
        for (int i = 0; i < x.length; i++) {
          sum += x[i] * (double) dx[i];
          magnitude += Math.abs(x[i] * (double) dx[i]);
        }
        assertEquals(value, sum, 1e-5 * magnitude, point.name());
      }
    }
  }

  /**
   * The rules of AttnLRP: a gate's two factors share the relevance of their product; half of the
   * relevance of a head's output goes to values, the rest in equal parts to queries and keys.
   */
  @Test
  void dividesRelevance() {
    String hooks =
        "*.hook_pre, *.hook_pre_linear, *.hook_post, *.hook_z, *.hook_v, *.hook_rot_q,"
            + " *.hook_rot_k";
    GradientOptions options = GradientOptions.of(hooks, 40).withRules(GradientRules.ATTN_LRP);
    try (Model model = Model.open(BardFiles.f32());
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      session.run(tokens(), Metric.logit(199));
      for (int l = 0; l < model.architecture().layers(); l++) {
        double post = relevance(session, HookSite.POST, l);
        double pre = relevance(session, HookSite.PRE, l);
        double linear = relevance(session, HookSite.PRE_LINEAR, l);
        double z = relevance(session, HookSite.Z, l);
        double tolerance = 1e-4 * (Math.abs(post) + Math.abs(z) + 1);
        assertEquals(post, pre + linear, tolerance);
        assertEquals(pre, linear, tolerance);
        assertEquals(z / 2, relevance(session, HookSite.V, l), tolerance);
        assertEquals(
            relevance(session, HookSite.ROT_Q, l),
            relevance(session, HookSite.ROT_K, l),
            tolerance);
      }
    }
  }

  private static double relevance(GradientSession session, HookSite site, int layer) {
    var point = new HookPoint(site, layer);
    return Vectors.dot(session.activation(point).toArray(), session.gradient(point).toArray());
  }

  /** Raising all logits changes no probability; at a step along the gradient the value follows. */
  @Test
  void logProbability() {
    int vocabulary = 50;
    MemorySegment logits = MemorySegment.ofArray(new float[vocabulary]);
    for (int i = 0; i < vocabulary; i++) {
      logits.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i));
    }
    MemorySegment gradient = MemorySegment.ofArray(new float[vocabulary]);
    double value = Metric.logProbability(7).of(logits, gradient);
    double sum = 0;
    double square = 0;
    MemorySegment moved = MemorySegment.ofArray(new float[vocabulary]);
    for (int i = 0; i < vocabulary; i++) {
      float g = gradient.getAtIndex(JAVA_FLOAT, i);
      sum += g;
      square += g * (double) g;
      moved.setAtIndex(JAVA_FLOAT, i, logits.getAtIndex(JAVA_FLOAT, i) + g / 1024);
    }
    double risen =
        Metric.logProbability(7).of(moved, MemorySegment.ofArray(new float[vocabulary])) - value;
    assertEquals(0, sum, 1e-6);
    assertEquals(square, risen * 1024, 1e-2 * square);
  }

  @Test
  void shorterTextsRunInTheSameSession() {
    try (Model model = Model.open(BardFiles.f32());
        GradientSession session =
            GradientSession.open(Lens.of(model), GradientOptions.of("hook_embed", 40))) {
      HookPoint embed = HookPoint.of(HookSite.EMBED);
      session.run(new int[] {0, 5, 9}, Metric.logit(3));
      float[] expected = session.gradient(embed).toArray();
      session.run(tokens(), Metric.logit(3));
      session.run(new int[] {0, 5, 9}, Metric.logit(3));
      assertArrayEquals(expected, session.gradient(embed).toArray());
      assertEquals(3 * 256, expected.length);
    }
  }

  /** The way forward is that of any other run, and so are its bits. */
  @Test
  void forwardHasTheBitsOfAnyRun() {
    GradientOptions options = GradientOptions.of(ALL, 40).withLogits(40);
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      try (GradientSession session = GradientSession.open(lens, options);
          ActivationCache cache = lens.run(tokens(), Capture.of(ALL + ", unembed.hook_out"))) {
        session.run(tokens(), Metric.logit(5));
        for (HookPoint point : cache.points()) {
          assertArrayEquals(
              cache.get(point).toArray(), session.activation(point).toArray(), point.name());
        }
      }
    }
  }

  /** A seed of the gradient at a point in the middle gives what flows through that point. */
  @Test
  void seedsInTheMiddleContinueTheGradient() {
    HookPoint mid = new HookPoint(HookSite.RESID_POST, 1);
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      GradientOptions whole = GradientOptions.of("hook_embed, " + mid, 40);
      GradientOptions half = GradientOptions.of("hook_embed", 40).withSeeds(mid.name());
      try (GradientSession first = GradientSession.open(lens, whole);
          GradientSession second = GradientSession.open(lens, half)) {
        first.run(tokens(), Metric.logit(5));
        second.forward(tokens());
        second.seed(mid).data().copyFrom(first.gradient(mid).data());
        second.backward();
        assertArrayEquals(first.gradient(embed).toArray(), second.gradient(embed).toArray());
      }
    }
  }

  /**
   * A step of an activation along its gradient changes the metric as the gradient predicts. The
   * third order of the central difference and the rounding of logits around 15 stay below 1 %.
   */
  @Test
  void editsChangeMetricByGradient() {
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 1);
    GradientOptions options = GradientOptions.of(point.name(), 40).withEditable(point.name());
    try (Model model = Model.open(BardFiles.f32());
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      double before = session.run(tokens(), Metric.logProbability(5));
      float[] gradient = session.gradient(point).row(30);
      double square = Vectors.dot(gradient, gradient);
      float step = (float) (1.0 / 64 / square);
      session.edits(List.of(Intervention.add(point, step, gradient).position(30)));
      double up = session.run(tokens(), Metric.logProbability(5));
      session.edits(List.of(Intervention.add(point, -step, gradient).position(30)));
      double down = session.run(tokens(), Metric.logProbability(5));
      assertEquals(1.0 / 32, up - down, 1e-2 / 32);
      session.edits(List.of());
      assertEquals(before, session.run(tokens(), Metric.logProbability(5)));
    }
  }

  /**
   * Linear attention passes gradients on to earlier tokens: a central difference, as above, by a
   * step that is too short to change which experts are chosen.
   */
  @ParameterizedTest
  @ValueSource(strings = {"qwen3next", "qwen35"})
  void gradientsGoThroughStates(String name) throws IOException {
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    int[] tokens = TinyModels.expected(name).ints("tokens");
    GradientOptions options =
        GradientOptions.of("hook_embed", tokens.length).withEditable("hook_embed");
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      DifferentiableMetric metric = Metric.logProbability(5);
      for (int i = 0; i < tokens.length; i++) {
        session.edits(List.of());
        session.run(tokens, metric);
        float[] x = session.activation(embed).row(i);
        float[] gradient = session.gradient(embed).row(i);
        double square = Vectors.dot(gradient, gradient);
        float step = (float) (Math.sqrt(Vectors.dot(x, x) / square) / 2048);
        session.edits(List.of(Intervention.add(embed, step, gradient).position(i)));
        double up = session.run(tokens, metric);
        session.edits(List.of(Intervention.add(embed, -step, gradient).position(i)));
        double down = session.run(tokens, metric);
        assertEquals(2 * step * square, up - down, 1e-2 * 2 * step * square + 1e-5, "token " + i);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"hook_embd", "blocks.9.hook_resid_post"})
  void rejectsHooksWithoutGradients(String hook) {
    try (Model model = Model.open(BardFiles.q8())) {
      GradientOptions options = GradientOptions.of(hook, 8);
      assertThrows(
          InvalidInputException.class, () -> GradientSession.open(Lens.of(model), options));
    }
  }

  /** Through edits in the middle: what is set passes nothing on, a projection its complement. */
  @Test
  void gradientsGoThroughEdits() {
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    HookPoint mlp = new HookPoint(HookSite.MLP_OUT, 1);
    HookPoint z = new HookPoint(HookSite.Z, 2);
    GradientOptions options =
        GradientOptions.of("hook_embed", 40).withEditable("hook_embed, " + mlp + ", " + z);
    var direction = new float[256];
    Arrays.fill(direction, 1);
    List<Intervention> edits =
        List.of(
            Intervention.scale(mlp, 0.5f),
            Intervention.projectOut(mlp, direction),
            Intervention.add(mlp, 2, direction).position(3),
            Intervention.zero(z).head(1),
            Intervention.set(z, direction).position(39));
    try (Model model = Model.open(BardFiles.f32());
        GradientSession session = GradientSession.open(Lens.of(model), options)) {
      session.edits(edits);
      session.run(tokens(), Metric.logit(5));
      for (int i : new int[] {3, 39}) {
        session.edits(edits);
        session.run(tokens(), Metric.logit(5));
        float[] gradient = session.gradient(embed).row(i);
        double square = Vectors.dot(gradient, gradient);
        double[] moved = new double[2];
        for (int sign = 0; sign < 2; sign++) {
          float step = (float) ((1 - 2 * sign) / 64.0 / square);
          List<Intervention> more = new ArrayList<>(edits);
          more.add(Intervention.add(embed, step, gradient).position(i));
          session.edits(more);
          moved[sign] = session.run(tokens(), Metric.logit(5));
        }
        assertEquals(1.0 / 32, moved[0] - moved[1], 1e-2 / 32, "position " + i);
      }
      List<Intervention> clamped = List.of(Intervention.clamp(mlp, -1, 1));
      assertThrows(InvalidInputException.class, () -> session.edits(clamped));
    }
  }

  /** A norm that is unfused after its divisor is a norm and a gain. */
  @Test
  void gradientsGoThroughOpenedNorms() {
    GradientOptions options = GradientOptions.of("hook_embed", tokens().length);
    try (Model model = Model.open(BardFiles.q8());
        GradientSession whole = GradientSession.open(Lens.of(model), options);
        GradientSession opened =
            GradientSession.open(
                Lens.of(model), options.withEditable("blocks.1.ln1.hook_normalized"))) {
      assertEquals(whole.run(tokens(), Metric.logit(5)), opened.run(tokens(), Metric.logit(5)));
      HookPoint embed = HookPoint.of(HookSite.EMBED);
      assertArrayEquals(whole.gradient(embed).toArray(), opened.gradient(embed).toArray());
    }
  }

  /** Edits within attention open it, and no gradient goes through its steps. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "blocks.1.attn.hook_pattern | hook_embed",
        "blocks.1.attn.hook_pattern | blocks.1.attn.hook_v, blocks.3.hook_mlp_out",
        "blocks.1.ln1.hook_scale | hook_embed",
      })
  void rejectsUnfusedPlans(String editable, String hooks) {
    GradientOptions options = GradientOptions.of(hooks, 8).withEditable(editable);
    InvalidInputException e = assertThrows(InvalidInputException.class, () -> open(options));
    assertTrue(String.valueOf(e.getMessage()).contains("no gradient"), e.getMessage());
  }

  private static void open(GradientOptions options) {
    try (Model model = Model.open(BardFiles.q8())) {
      GradientSession.open(Lens.of(model), options).close();
    }
  }

  @Test
  void rejectsStepsOutOfOrder() {
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    try (Model model = Model.open(BardFiles.q8());
        GradientSession session =
            GradientSession.open(Lens.of(model), GradientOptions.of("hook_embed", 8))) {
      assertThrows(IllegalStateException.class, session::backward);
      assertThrows(IllegalStateException.class, () -> session.activation(embed));
      session.forward(new int[] {1, 2});
      assertThrows(IllegalStateException.class, () -> session.gradient(embed));
      assertThrows(InvalidInputException.class, () -> session.seed(embed));
      session.backward();
      assertThrows(IllegalStateException.class, () -> session.seed(embed));
      HookPoint other = new HookPoint(HookSite.Z, 0);
      assertThrows(InvalidInputException.class, () -> session.gradient(other));
      Intervention edit = Intervention.zero(other);
      assertThrows(InvalidInputException.class, () -> session.edits(List.of(edit)));
    }
  }

  @Test
  void rejectsInvalidTexts() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      GradientOptions longer = GradientOptions.of("hook_embed", 1_000_000);
      assertThrows(InvalidInputException.class, () -> GradientSession.open(lens, longer));
      GradientSession session = GradientSession.open(lens, GradientOptions.of("hook_embed", 2));
      DifferentiableMetric metric = Metric.logit(1);
      assertThrows(InvalidInputException.class, () -> session.run(new int[3], metric));
      assertThrows(InvalidInputException.class, () -> session.run(new int[0], metric));
      assertThrows(InvalidInputException.class, () -> session.run(new int[] {-1}, metric));
      session.close();
      session.close();
      assertThrows(IllegalStateException.class, () -> session.run(new int[1], metric));
    }
  }

  /** A repeated backward pass has the bits of the first, whatever ran between. */
  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true"})
  void repeatsBackwardPass(boolean recompute, boolean fast) {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = fast ? Lens.of(model).fastGradients() : Lens.of(model);
      GradientOptions options = GradientOptions.of(ALL, 40).withLogits(2).repeating();
      HookPoint logits = HookPoint.of(HookSite.LOGITS);
      try (GradientSession session =
          GradientSession.open(lens, recompute ? options.recomputing() : options)) {
        session.forward(tokens());
        List<List<float[]>> found = new ArrayList<>();
        for (int k = 0; k < 3; k++) {
          MemorySegment seed = session.seed(logits).data();
          seed.fill((byte) 0);
          seed.setAtIndex(JAVA_FLOAT, k % 2 == 0 ? 5 : 2048 + 9, 1);
          session.backward();
          found.add(session.points().stream().map(p -> session.gradient(p).toArray()).toList());
        }
        for (int i = 0; i < session.points().size(); i++) {
          assertArrayEquals(found.getFirst().get(i), found.getLast().get(i));
          assertTrue(!Arrays.equals(found.getFirst().get(i), found.get(1).get(i)));
        }
      }
    }
  }

  /** A backward pass over the first tokens has the bits of one over all if later seeds are 0. */
  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true"})
  void runsBackwardPassOverFirstTokens(boolean recompute, boolean fast) {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = fast ? Lens.of(model).fastGradients() : Lens.of(model);
      GradientOptions options =
          GradientOptions.of(ALL + ", unembed.hook_out", 40)
              .withSeeds("unembed.hook_out, blocks.1.hook_resid_post")
              .withLogits(3)
              .repeating();
      HookPoint logits = HookPoint.of(HookSite.LOGITS);
      HookPoint stream = new HookPoint(HookSite.RESID_POST, 1);
      try (GradientSession session =
          GradientSession.open(lens, recompute ? options.recomputing() : options)) {
        session.forward(tokens());
        int first = tokens().length - 1;
        session.seed(logits).data().setAtIndex(JAVA_FLOAT, 2048 + 9, 1);
        session.seed(stream).data().setAtIndex(JAVA_FLOAT, 3, 0.5f);
        session.backward();
        List<float[]> expected =
            session.points().stream().map(p -> session.gradient(p).toArray()).toList();
        session.backward(first);
        for (int i = 0; i < session.points().size(); i++) {
          float[] actual = session.gradient(session.points().get(i)).toArray();
          int rows = session.points().get(i).equals(logits) ? 3 : tokens().length;
          int kept = actual.length / rows * (rows - 1);
          assertArrayEquals(
              Arrays.copyOf(expected.get(i), kept), Arrays.copyOf(actual, kept), "point " + i);
          for (int j = kept; j < actual.length; j++) {
            assertEquals(0, expected.get(i)[j], 0);
            assertEquals(0, actual[j], 0);
          }
        }
        assertThrows(InvalidInputException.class, () -> session.backward(0));
        assertThrows(InvalidInputException.class, () -> session.backward(tokens().length + 1));
      }
    }
  }

  @Test
  void runsOneBackwardPassUnlessRepeatable() {
    try (Model model = Model.open(BardFiles.q8());
        GradientSession session =
            GradientSession.open(Lens.of(model), GradientOptions.of("hook_embed", 40))) {
      session.forward(tokens());
      session.backward();
      assertThrows(IllegalStateException.class, session::backward);
      assertThrows(IllegalStateException.class, () -> session.seed(HookPoint.of(HookSite.LOGITS)));
    }
  }
}
