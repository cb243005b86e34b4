package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.ResidualDecomposition;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Identities that hold in every architecture, on tiny F32 models with logits from transformers. */
class ArchitecturesTest {
  /** Sites that the architectures of section 2 of the primer may lack. */
  private static final Set<HookSite> SOMETIMES =
      EnumSet.of(
          HookSite.POS_EMBED,
          HookSite.ROT_Q,
          HookSite.ROT_K,
          HookSite.LAUREL_OUT,
          HookSite.LN1_POST_SCALE,
          HookSite.LN1_POST_NORMALIZED,
          HookSite.LN2_POST_SCALE,
          HookSite.LN2_POST_NORMALIZED,
          HookSite.RESID_MID,
          HookSite.LN2_SCALE,
          HookSite.LN2_NORMALIZED,
          HookSite.PRE_LINEAR,
          HookSite.EXPERT_INDICES,
          HookSite.EXPERT_WEIGHTS,
          HookSite.SHARED_PRE,
          HookSite.SHARED_PRE_LINEAR,
          HookSite.SHARED_POST,
          HookSite.PER_LAYER_OUT);

  /** The sites that add to the residual stream. */
  private static final List<HookSite> CONTRIBUTIONS =
      List.of(
          HookSite.ATTN_OUT,
          HookSite.CONV_OUT,
          HookSite.RECURRENT_OUT,
          HookSite.MLP_OUT,
          HookSite.PER_LAYER_OUT);

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void hasExpectedSites(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      boolean recurs = TinyModels.isRecurrent(name);
      boolean convolves = TinyModels.isHybrid(name) && !recurs;
      for (HookSite site : HookSite.values()) {
        var point = new HookPoint(site, !site.inBlock() ? -1 : TinyModels.isHybrid(name) ? 1 : 0);
        if (site.name().startsWith("CONV_")) {
          assertEquals(convolves, lens.has(new HookPoint(site, 0)), site.suffix());
        } else if (site == HookSite.RECURRENT_BETA) {
          boolean own = recurs && !TinyModels.has(name, Trait.MAMBA_2); // or it is the step
          assertEquals(own, lens.has(new HookPoint(site, 0)), site.suffix());
        } else if (site.name().matches("RECURRENT_[QK](_PRE)?")) {
          boolean queries = recurs && !TinyModels.has(name, Trait.RG_LRU);
          assertEquals(queries, lens.has(new HookPoint(site, 0)), site.suffix());
        } else if (site.name().startsWith("RECURRENT_")) {
          assertEquals(recurs, lens.has(new HookPoint(site, 0)), site.suffix());
        } else if (site == HookSite.Z_PRE) {
          boolean changes = TinyModels.changesHeads(name);
          assertEquals(changes, lens.has(new HookPoint(site, 1)), site.suffix());
        } else if (site == HookSite.GATE) {
          assertEquals(
              TinyModels.has(name, Trait.ATTENTION_GATE),
              lens.has(new HookPoint(site, 1)),
              site.suffix());
        } else if (TinyModels.has(name, Trait.ONE_SUBLAYER) && site.inBlock() && !lens.has(point)) {
          // A block is one step: attention in the second, feed-forward in the third.
          var next = new HookPoint(site, 2);
          assertTrue(SOMETIMES.contains(site) || lens.has(next), next.name());
        } else {
          assertTrue(SOMETIMES.contains(site) || lens.has(point), point.name());
        }
      }
      boolean rotates = model.architecture().plan().rotations().size() > 0;
      // The first layer of SmallThinker has no RoPE.
      assertEquals(rotates, lens.has(new HookPoint(HookSite.ROT_Q, 1)));
      boolean learnsPositions = TinyModels.has(name, Trait.LEARNED_POSITIONS);
      assertEquals(learnsPositions, lens.has(HookPoint.of(HookSite.POS_EMBED)));
      boolean sandwiched = hasSandwichNorms(name);
      assertEquals(sandwiched, lens.has(new HookPoint(HookSite.LN1_POST_SCALE, 1)));
      boolean behindFfn = sandwiched || TinyModels.has(name, Trait.FEED_FORWARD_OUTPUT_NORM);
      assertEquals(behindFfn, lens.has(new HookPoint(HookSite.LN2_POST_NORMALIZED, 1)));
    }
  }

  /** Returns whether there are norms after sublayers, which files may leave out. */
  private static boolean hasSandwichNorms(String name) {
    try (Arena arena = Arena.ofConfined()) {
      return TinyModels.has(name, Trait.SANDWICH_NORM)
          && TinyModels.gguf(name, arena).tensors().stream()
              .anyMatch(tensor -> tensor.name().startsWith("blk.1.post_attention_norm"));
    }
  }

  /** Their divisor takes the sum of the heads to x̂, and their gain takes it to the stream. */
  @ParameterizedTest
  @ValueSource(strings = {"afmoe", "gemma2", "gemma3", "gemma3n", "gemma4", "glm4"})
  void postNormsMapHeadsToResidualStream(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        ActivationCache cache = Lens.of(model).run(tokens, Capture.of("*,*.hook_result"))) {
      int i = tokens.length - 1;
      int d = model.architecture().width();
      HookPoint normalized = new HookPoint(HookSite.LN1_POST_NORMALIZED, 1);
      float[] gain = ModelMatrices.of(Lens.of(model)).gain(normalized);
      float[] results = cache.get(HookSite.RESULT, 1).row(i);
      double divisor = cache.get(HookSite.LN1_POST_SCALE, 1).at(i, 0);
      for (int j = 0; j < d; j++) {
        double sum = 0;
        for (int h = 0; h < model.architecture().heads(); h++) {
          sum += results[h * d + j];
        }
        double x = cache.get(normalized).at(i, j);
        assertEquals(sum, divisor * x, 1e-5 * (1 + Math.abs(sum)));
        double out = cache.get(HookSite.ATTN_OUT, 1).at(i, j);
        assertEquals(out, gain[j] * x, 1e-6 * (1 + Math.abs(out)));
      }
      float[] out = cache.get(HookSite.MLP_OUT, 1).row(i);
      float[] x = cache.get(HookSite.LN2_POST_NORMALIZED, 1).row(i);
      float[] mlpGain =
          ModelMatrices.of(Lens.of(model)).gain(new HookPoint(HookSite.LN2_POST_NORMALIZED, 1));
      for (int j = 0; j < d; j++) {
        assertEquals(out[j], mlpGain[j] * x[j], 1e-6 * (1 + Math.abs(out[j])));
      }
    }
  }

  /** The outputs of components add up to the last residual stream: equation 10 of the primer. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void componentsAddUpToTheResidualStream(String name) throws IOException {
    assumeFalse(
        TinyModels.has(name, Trait.PARALLEL_STREAMS), "which corrects its predictions instead");
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        ActivationCache cache =
            Lens.of(model).run(tokens, Capture.of("*.hook_resid_*,*.hook_*_out"))) {
      int layers = model.architecture().layers();
      HookMap hooks = HookMap.of(model);
      float[] sum = cache.get(HookSite.RESID_PRE, 0).toArray();
      for (int i = 0; i < sum.length; i++) {
        sum[i] *= hooks.factorFrom(0);
      }
      for (int l = 0; l < layers; l++) {
        for (HookSite site : CONTRIBUTIONS) {
          if (cache.has(new HookPoint(site, l))) {
            float[] written = cache.get(site, l).toArray();
            for (int i = 0; i < sum.length; i++) {
              sum[i] += hooks.factorFrom(l) * written[i];
            }
          }
        }
      }
      float[] last = cache.get(HookSite.RESID_POST, layers - 1).toArray();
      for (int i = 0; i < sum.length; i++) {
        assertEquals(last[i], sum[i], 1e-4 * (1 + Math.abs(last[i])));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void logitsMatchTransformers(String name) throws IOException {
    SafetensorsFile expected = TinyModels.expected(name);
    float[] logits = expected.floats("logits");
    double magnitude = 0;
    for (float logit : logits) {
      magnitude = Math.max(magnitude, Math.abs(logit));
    }
    try (Model model = open(name);
        ActivationCache cache =
            Lens.of(model).run(expected.ints("tokens"), Capture.of("unembed.hook_out"))) {
      Activation actual = cache.get(HookSite.LOGITS);
      int vocabulary = expected.shape("logits").getLast().intValue();
      for (int i = 0; i < logits.length; i++) {
        float value = actual.at(i / vocabulary, i % vocabulary);
        assertEquals(logits[i], value, 1e-4 * magnitude);
      }
    }
  }

  /** The pattern's mean of values is z, in every kind of attention. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void patternsMixValuesToZ(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        ActivationCache cache = Lens.of(model).run(tokens, Capture.of("*.attn.*"))) {
      for (int l = 0; l < model.architecture().layers(); l++) {
        if (!cache.has(new HookPoint(HookSite.PATTERN, l))) {
          continue;
        }
        Activation pattern = cache.get(HookSite.PATTERN, l);
        Activation v = cache.get(HookSite.V, HookMap.of(model).keysOf(l));
        Activation z = cache.get(mixed(name), l);
        int group = z.shape().get(1) / v.shape().get(1);
        for (int h = 0; h < z.shape().get(1); h++) {
          int i = tokens.length - 1;
          double mixed = 0;
          for (int t = 0; t <= i; t++) {
            mixed += (double) pattern.at(h, i, t) * v.at(t, h / group, 1);
          }
          assertEquals(mixed, z.at(i, h, 1), 1e-5 * (1 + Math.abs(mixed)));
        }
      }
    }
  }

  /** Returns the pattern-weighted sum of values, before a gate or a norm. */
  private static HookSite mixed(String name) {
    return TinyModels.changesHeads(name) ? HookSite.Z_PRE : HookSite.Z;
  }

  /** Attention and norms, opened everywhere for edits that change nothing. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void editsOfStrengthZeroChangeNoBit(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      List<Intervention> edits =
          lens.points("*.hook_attn_scores,*.hook_pattern,*.hook_scale,*.hook_normalized").stream()
              .map(point -> Intervention.scale(point, 1))
              .toList();
      try (ActivationCache expected = lens.run(tokens, Capture.of("*"));
          ActivationCache actual = lens.run(tokens, Capture.of("*"), edits)) {
        Caches.assertSame(expected, actual);
      }
    }
  }

  /** The weight of a hidden token is shared by the others, including sinks. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void knockOutRenormalizesPattern(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int last = tokens.length - 1;
    int layer = TinyModels.isHybrid(name) ? 1 : 0; // the first with attention
    Capture capture = Capture.of("blocks." + layer + ".attn.*");
    try (Model model = open(name);
        ActivationCache before = Lens.of(model).run(tokens, capture);
        ActivationCache after =
            Lens.of(model)
                .run(tokens, capture, List.of(Intervention.knockOut(layer, last - 1, last)))) {
      Activation pattern = before.get(HookSite.PATTERN, layer);
      Activation v = before.get(HookSite.V, layer);
      Activation z = after.get(mixed(name), layer);
      for (int h = 0; h < z.shape().get(1); h++) {
        double kept = 1 - (double) pattern.at(h, last, last - 1);
        for (int j = 0; j < z.shape().get(2); j++) {
          double mixed = 0;
          for (int t = 0; t <= last; t++) {
            double weight = t == last - 1 ? 0 : pattern.at(h, last, t) / kept;
            mixed += weight * v.at(t, h / (z.shape().get(1) / v.shape().get(1)), j);
          }
          assertEquals(mixed, z.at(last, h, j), 1e-5 * (1 + Math.abs(mixed)));
        }
      }
    }
  }

  /** The output of a norm with a patched x̂ equals that of the other run, bit for bit. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void normsContinueFromPatchedVectors(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int[] reversed =
        IntStream.range(0, tokens.length).map(i -> tokens[tokens.length - 1 - i]).toArray();
    var ln1 = new HookPoint(HookSite.LN1_NORMALIZED, 1);
    HookPoint last = HookPoint.of(HookSite.LN_FINAL_NORMALIZED);
    try (Model model = open(name);
        ActivationCache other = Lens.of(model).run(reversed, Capture.of("*"));
        ActivationCache patched =
            Lens.of(model)
                .run(
                    tokens,
                    Capture.of("*"),
                    List.of(Intervention.patch(other, ln1), Intervention.patch(other, last)))) {
      boolean before =
          model.architecture().plan().ops().stream()
              .anyMatch(op -> op instanceof Op.Norm n && n.y().name().equals("blocks.1.ln1"));
      HookSite behind = before ? HookSite.V : HookSite.ATTN_OUT;
      for (Activation expected : List.of(other.get(behind, 1), other.get(HookSite.LOGITS))) {
        assertEquals(-1, expected.data().mismatch(patched.get(expected.point()).data()));
      }
    }
  }

  /** A norm that is frozen at the divisors of another run (LayerNorm as a linear map). */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void normsDivideByAnotherRunsScales(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int[] reversed =
        IntStream.range(0, tokens.length).map(i -> tokens[tokens.length - 1 - i]).toArray();
    var scale = new HookPoint(HookSite.LN1_SCALE, 0);
    Capture capture = Capture.of("blocks.0.ln1.*");
    try (Model model = open(name);
        ActivationCache other = Lens.of(model).run(reversed, capture);
        ActivationCache own = Lens.of(model).run(tokens, capture);
        ActivationCache frozen =
            Lens.of(model).run(tokens, capture, List.of(Intervention.patch(other, scale)))) {
      assertEquals(-1, other.get(scale).data().mismatch(frozen.get(scale).data()));
      for (int i = 0; i < tokens.length; i++) {
        double factor = (double) own.get(scale).at(i, 0) / other.get(scale).at(i, 0);
        float[] expected = own.get(HookSite.LN1_NORMALIZED, 0).row(i);
        float[] actual = frozen.get(HookSite.LN1_NORMALIZED, 0).row(i);
        for (int j = 0; j < expected.length; j++) {
          assertEquals(factor * expected[j], actual[j], 1e-6 * Math.abs(factor * expected[j]));
        }
      }
    }
  }

  /** Softly capped logits are attributed before the cap. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void directLogitAttributionAddsUpToTheLogit(String name) throws IOException {
    assumeFalse(TinyModels.has(name, Trait.PARALLEL_STREAMS), "refused");
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      for (var by : parts(name, lens)) {
        var one = DirectLogitAttribution.of(lens, tokens, tokens.length - 1, 5, -1, by);
        var difference = DirectLogitAttribution.of(lens, tokens, 2, 7, 9, by);
        double cap = cap(model.architecture().plan().ops());
        assertEquals(one.logit(), capped(one.sum(), cap), 1e-4 * (1 + Math.abs(one.logit())));
        assertEquals(one.capped(), !Double.isInfinite(cap));
        if (Double.isInfinite(cap)) {
          assertEquals(difference.logit(), difference.sum(), 1e-4 * (1 + Math.abs(one.logit())));
        }
      }
    }
  }

  /** Returns the supported parts of a logit; experts do not have neurons of their own. */
  private static List<By> parts(String name, Lens lens) {
    boolean experts =
        lens.points().stream().anyMatch(point -> point.site() == HookSite.EXPERT_INDICES);
    boolean hybrid =
        TinyModels.isHybrid(name) || TinyModels.has(name, Trait.LAYERS_WITHOUT_ATTENTION);
    boolean changed = lens.points().stream().anyMatch(point -> point.site() == HookSite.Z_PRE);
    return Stream.of(By.values())
        .filter(by -> !experts || by != By.NEURON)
        .filter(by -> !hybrid || by != By.TOKEN)
        .filter(by -> !changed || (by != By.PATH && by != By.TOKEN))
        .toList();
  }

  /** The parts are the last stream, so what they add along it is all of its length. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void sharesOfTheResidualStreamAddUpToOne(String name) throws IOException {
    assumeFalse(TinyModels.has(name, Trait.PARALLEL_STREAMS), "refused");
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      for (var by : parts(name, lens)) {
        if (by == By.TOKEN) {
          continue;
        }
        var decomposition = ResidualDecomposition.of(lens, tokens, 3, by);
        double sum =
            decomposition.parts().stream().mapToDouble(ResidualDecomposition.Part::share).sum();
        assertEquals(1, sum, 1e-4);
        assertTrue(decomposition.parts().stream().allMatch(p -> Math.abs(p.cosine()) <= 1 + 1e-9));
      }
    }
  }

  /** The factor after the last tanh, where that makes the logits. */
  private static double cap(List<Op> ops) {
    return ops.getLast() instanceof Op.Scale scale
            && ops.get(ops.size() - 2) instanceof Op.Activation
        ? scale.factor()
        : Double.POSITIVE_INFINITY;
  }

  private static double capped(double logit, double cap) {
    return Double.isInfinite(cap) ? logit : cap * Math.tanh(logit / cap);
  }
}
