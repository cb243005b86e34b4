package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients at points that lie within operations, on the model in F32. */
class PointGradientTest {
  private static final int[] TOKENS = {0, 5, 120, 44, 700, 31, 8, 90};
  private static final int LAYER = 1;
  private static final DifferentiableMetric METRIC = Metric.logitDifference(300, 301);
  private static final String HOOKS =
      "blocks.1.attn.*, blocks.1.attn.hook_result, blocks.1.ln1.*, blocks.-1.hook_resid_post,"
          + " ln_final.*";

  private static Model model;
  private static GradientSession session;
  private static ActivationCache cache;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.f32());
    Lens lens = Lens.of(model);
    session = GradientSession.open(lens, GradientOptions.of(HOOKS, TOKENS.length));
    session.run(TOKENS, METRIC);
    cache = lens.run(TOKENS, Capture.of(HOOKS));
  }

  @AfterAll
  static void close() {
    session.close();
    cache.close();
    model.close();
  }

  private static float[] gradient(HookSite site) {
    return session.gradient(new HookPoint(site, LAYER)).toArray();
  }

  private static double relevance(HookSite site) {
    return Vectors.dot(cache.get(site, LAYER).toArray(), gradient(site));
  }

  /** z is linear in the pattern, and the output of attention in z and in the results of heads. */
  @Test
  void patternAndResultPatchesEqualHeadOutputs() {
    double z = relevance(HookSite.Z);
    assertEquals(z, relevance(HookSite.PATTERN), 1e-5 * (1 + Math.abs(z)));
    assertEquals(z, relevance(HookSite.RESULT), 1e-5 * (1 + Math.abs(z)));
  }

  /** A softmax does not see a constant, and through its scores come the gradients of queries. */
  @Test
  void scoresLeadToQueries() {
    Activation scores = session.gradient(new HookPoint(HookSite.ATTN_SCORES, LAYER));
    Activation queries = session.gradient(new HookPoint(HookSite.ROT_Q, LAYER));
    Activation keys = cache.get(HookSite.ROT_K, LAYER);
    int heads = queries.shape().get(1);
    int d = queries.shape().get(2);
    int group = heads / keys.shape().get(1);
    SequenceOp.Attention attention =
        ((HookSource.Scores) HookMap.of(model).source(new HookPoint(HookSite.ATTN_SCORES, LAYER)))
            .attention();
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < TOKENS.length; i++) {
        double sum = 0;
        var expected = new double[d];
        for (int j = 0; j < TOKENS.length; j++) {
          sum += scores.at(h, i, j);
          for (int e = 0; e < d; e++) {
            expected[e] += attention.scale() * scores.at(h, i, j) * keys.at(j, h / group, e);
          }
        }
        assertEquals(0, sum, 1e-5);
        for (int e = 0; e < d; e++) {
          assertEquals(expected[e], queries.at(i, h, e), 1e-5);
        }
      }
    }
  }

  /** The gradient of a root-mean-square norm, written down from x̂ and the divisor. */
  @Test
  void normalizedTimesScaleIsStream() {
    float[] g = session.gradient(HookPoint.of(HookSite.LN_FINAL_NORMALIZED)).toArray();
    int last = TOKENS.length - 1;
    float[] normal = cache.get(HookSite.LN_FINAL_NORMALIZED).row(last);
    double divisor = cache.get(HookSite.LN_FINAL_SCALE).at(last, 0);
    int layers = model.architecture().layers();
    float[] actual = session.gradient(new HookPoint(HookSite.RESID_POST, layers - 1)).row(last);
    double mean = Vectors.dot(g, normal) / g.length;
    for (int i = 0; i < g.length; i++) {
      assertEquals((g[i] - normal[i] * mean) / divisor, actual[i], 1e-5);
    }
  }

  /** Central differences, by runs that scale what lies at the point. */
  @ParameterizedTest
  @CsvSource({"LN1_SCALE", "LN1_NORMALIZED", "PATTERN", "ATTN_SCORES"})
  void gradientsMatchEdits(HookSite site) {
    float step = 1f / 256;
    double slope = (scaled(site, 1 + step) - scaled(site, 1 - step)) / (2 * step);
    float[] x = cache.get(site, LAYER).toArray();
    float[] dx = gradient(site);
    double expected = 0;
    for (int i = 0; i < x.length; i++) {
      expected += Float.isFinite(x[i]) ? x[i] * (double) dx[i] : 0;
    }
    assertEquals(expected, slope, 1e-2 * (Math.abs(expected) + 0.1));
  }

  /** Points within an operation affect the metric through the edits of its output. */
  @Test
  void attributesEditsAfterAnOperation() {
    HookPoint z = new HookPoint(HookSite.Z, LAYER);
    HookPoint out = new HookPoint(HookSite.ATTN_OUT, LAYER);
    HookPoint pattern = new HookPoint(HookSite.PATTERN, LAYER);
    HookPoint scores = new HookPoint(HookSite.ATTN_SCORES, LAYER);
    HookPoint result = new HookPoint(HookSite.RESULT, LAYER);
    GradientOptions options =
        GradientOptions.of(
                String.join(
                    ",",
                    List.of(out, pattern, scores, result).stream().map(HookPoint::name).toList()),
                TOKENS.length)
            .withEditable(z.name() + "," + out.name());
    try (GradientSession edited = GradientSession.open(Lens.of(model), options)) {
      edited.edits(List.of(Intervention.zero(z).head(0), Intervention.scale(out, 0.5f)));
      edited.run(TOKENS, METRIC);
      for (HookPoint point : List.of(pattern, scores)) {
        assertEquals(0, Vectors.norm(edited.gradient(point).row(0)));
        assertTrue(Vectors.norm(edited.gradient(point).row(1)) > 0);
      }
      float[] ofOut = edited.gradient(out).row(TOKENS.length - 1);
      for (int j = 0; j < ofOut.length; j++) {
        ofOut[j] *= 0.5f;
      }
      float[] ofResults = edited.gradient(result).row(TOKENS.length - 1);
      assertArrayEquals(ofOut, Arrays.copyOf(ofResults, ofOut.length));
    }
  }

  /** Positions outside the window count if an edit of the pattern gives them weight. */
  @Test
  void patternsHaveGradientsBeyondTheWindow(@TempDir Path directory) throws IOException {
    int[] tokens = TinyModels.expected("mistral").ints("tokens");
    int last = tokens.length - 1;
    HookPoint pattern = new HookPoint(HookSite.PATTERN, LAYER);
    float step = 1f / 64;
    try (Model windowed = Model.open(TinyModels.write(directory.resolve("m.gguf"), "mistral"));
        GradientSession gradients =
            GradientSession.open(
                Lens.of(windowed), GradientOptions.of(pattern.name(), tokens.length))) {
      DifferentiableMetric metric = Metric.logitDifference(3, 4);
      gradients.run(tokens, metric);
      Intervention more = Intervention.add(pattern, step, 1).keys(0, 1).head(1).position(last);
      Intervention less = Intervention.add(pattern, -step, 1).keys(0, 1).head(1).position(last);
      double slope =
          (edited(windowed, tokens, more, metric) - edited(windowed, tokens, less, metric))
              / (2 * step);
      double expected = gradients.gradient(pattern).at(1, last, 0);
      assertTrue(Math.abs(expected) > 0.01);
      assertEquals(expected, slope, 0.02 * Math.abs(expected));
    }
  }

  private static double edited(Model model, int[] tokens, Intervention edit, Metric metric) {
    try (ActivationCache run =
        Lens.of(model).run(tokens, Capture.of("unembed.hook_out"), List.of(edit))) {
      float[] logits = run.get(HookSite.LOGITS).row(tokens.length - 1);
      return metric.of(MemorySegment.ofArray(logits));
    }
  }

  private static double scaled(HookSite site, float factor) {
    Intervention edit = Intervention.scale(new HookPoint(site, LAYER), factor);
    return edited(model, TOKENS, edit, METRIC);
  }
}
