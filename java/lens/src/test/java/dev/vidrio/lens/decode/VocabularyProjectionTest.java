package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.decode.FeedForwardMatrices.Matrix;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Weights read alone against what blocks write in every architecture, in texts of one token, which
 * can attend to itself alone.
 */
class VocabularyProjectionTest {
  private static final int LAYER = 1;
  private static final int[][] TEXTS = {{7}, {11}};

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** The sum of what parts of a block write in a text. */
  @FunctionalInterface
  private interface Written {
    float[] of(ActivationCache cache);
  }

  /**
   * Compares sums of parts with the output of their block, times the divisor of the norm that
   * stands behind some blocks. Biases cancel between two texts.
   */
  private static void assertWritten(Lens lens, HookPoint out, Written sum) {
    try (ActivationCache one = lens.run(TEXTS[0], Capture.of("*"));
        ActivationCache other = lens.run(TEXTS[1], Capture.of("*"))) {
      assertArrayEquals(
          Vectors.minus(undivided(lens, out, one), undivided(lens, out, other)),
          Vectors.minus(sum.of(one), sum.of(other)),
          1e-4f);
    }
  }

  private static float[] undivided(Lens lens, HookPoint out, ActivationCache cache) {
    float[] row = cache.get(out).row(0);
    if (out.site() == HookSite.ATTN_OUT) {
      float divisor = beforeOutput(lens, out.layer(), cache);
      for (int j = 0; j < row.length; j++) {
        row[j] *= divisor;
      }
    }
    List<Op> behind = HookMap.of(lens.model()).afterProduct(out);
    if (behind.stream().anyMatch(Op.Norm.class::isInstance)) {
      boolean attention = out.site() == HookSite.ATTN_OUT;
      var second =
          new HookPoint(attention ? HookSite.LN1_POST_SCALE : HookSite.LN2_POST_SCALE, out.layer());
      var only = new HookPoint(attention ? HookSite.LN1_SCALE : HookSite.LN2_SCALE, out.layer());
      float divisor = cache.get(lens.has(second) ? second : only).at(0, 0);
      for (int j = 0; j < row.length; j++) {
        row[j] *= divisor;
      }
    }
    return row;
  }

  /** Returns the divisor of the norm before W_O of some blocks, by definition. */
  private static float beforeOutput(Lens lens, int layer, ActivationCache cache) {
    var mixed = new HookPoint(HookSite.Z_PRE, layer);
    if (!lens.has(mixed)) {
      return 1;
    }
    float[] z = cache.get(mixed).row(0);
    return (float) Math.sqrt(Vectors.dot(z, z) / z.length + 1e-5);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void headsAddUpToAttentionOutput(String name) throws IOException {
    assumeFalse(TinyModels.hasKey(name, "attention.clamp_kqv"), "clamped values are not a product");
    assumeFalse(TinyModels.has(name, Trait.VALUE_NORM), "values are normalized per head");
    assumeFalse(
        TinyModels.has(name, Trait.ATTENTION_SINKS), "a sink takes a part of the attention");
    assumeFalse(
        TinyModels.has(name, Trait.LATENT_ATTENTION), "values are projections of a latent vector");
    assumeFalse(
        TinyModels.isRecurrent(name) || TinyModels.has(name, Trait.ATTENTION_GATE),
        "a gate of the token itself multiplies heads");
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      HookPoint read = new HookPoint(HookSite.LN1_NORMALIZED, LAYER);
      boolean before = HookMap.of(model).normBefore(new HookPoint(HookSite.V, LAYER)).isPresent();
      assertWritten(
          lens,
          new HookPoint(HookSite.ATTN_OUT, LAYER),
          cache -> {
            float[] x = cache.get(before ? read : new HookPoint(HookSite.RESID_PRE, LAYER)).row(0);
            var sum = new float[x.length];
            for (int h = 0; h < model.architecture().heads(); h++) {
              Vectors.add(sum, HeadMatrices.of(lens, LAYER, h).written(x));
            }
            return sum;
          });
    }
  }

  /** A layer with attention that precedes the first feed-forward block. */
  @Test
  void headsBeforeAFeedForwardBlockReadTheEmbedding() throws IOException {
    try (Model model = open("nemotron_h")) {
      Lens lens = Lens.of(model);
      HookPoint input = new HookPoint(HookSite.RESID_PRE, 1);
      List<float[]> embeddings = new ArrayList<>();
      ModelMatrices.of(lens).embeddings(new int[] {3}, (token, x) -> embeddings.add(x));
      try (ActivationCache cache =
          lens.run(
              new int[] {3},
              Capture.of("*"),
              List.of(Intervention.set(input, embeddings.getFirst())))) {
        float[] normalized = cache.get(HookSite.LN1_NORMALIZED, 1).row(0);
        float[] read = VocabularyProjection.embedding(lens, 1, 3);
        assertArrayEquals(normalized, read, 1e-5f);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void neuronsAddUpToBlockOutput(String name) throws IOException {
    // With one sublayer per layer, the third has neurons.
    int layer = TinyModels.has(name, Trait.ONE_SUBLAYER) ? 2 : LAYER;
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      if (lens.has(new HookPoint(HookSite.EXPERT_INDICES, layer))) {
        assertThrows(InvalidInputException.class, () -> FeedForwardMatrices.of(lens, layer));
        return;
      }
      assertWritten(
          lens,
          new HookPoint(HookSite.MLP_OUT, layer),
          cache -> {
            float[] post = cache.get(HookSite.POST, layer).row(0);
            float[][] values = FeedForwardMatrices.of(lens, layer).vectors(Matrix.OUT);
            var sum = new float[model.architecture().width()];
            for (int u = 0; u < post.length; u++) {
              for (int j = 0; j < sum.length; j++) {
                sum[j] += post[u] * values[u][j];
              }
            }
            return sum;
          });
    }
  }

  /**
   * Returns the output of the first block's norm, or the residual stream without a norm before
   * attention.
   */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void embeddingsAreWhatHeadsRead(String name) throws IOException {
    assumeFalse(TinyModels.has(name, Trait.LATENT_ATTENTION), "heads read a latent vector");
    assumeFalse(TinyModels.isHybrid(name), "the first block has no heads");
    assumeFalse(
        TinyModels.has(name, Trait.PARALLEL_STREAMS), "heads read what several streams predict");
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      if (lens.has(HookPoint.of(HookSite.POS_EMBED))) {
        return;
      }
      boolean before = HookMap.of(model).normBefore(new HookPoint(HookSite.V, 0)).isPresent();
      HookSite read = before ? HookSite.LN1_NORMALIZED : HookSite.RESID_PRE;
      try (ActivationCache cache = lens.run(TEXTS[0], Capture.of("*"))) {
        assertArrayEquals(
            cache.get(read, 0).row(0), VocabularyProjection.embedding(lens, 0, TEXTS[0][0]), 1e-5f);
      }
    }
  }
}
