package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.HeadResults;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The contribution of a layer's attention to the residual stream of a token, by source token:
 * {@code Σ_h a_ij x_j W_OV}. Norms between attention and the residual stream use the divisors of
 * the run. Interventions of the lens at outputs of heads and of attention change the contributions
 * as {@link LinearEdits} does.
 */
public final class TokenContributions {
  /** The hook points that it reads. */
  public static final String HOOKS = "*.hook_pattern, *.hook_v, *.hook_resid_pre, *.hook_attn_out";

  private static final Set<HookSite> SUMS = Set.of(HookSite.ATTN_OUT);

  private final HookMap hooks;
  private final LinearEdits edits;
  private final ActivationCache cache;
  private final int layer;
  private final Activation pattern;
  private final int heads;
  private final int d;

  /** The output of each head if it attended to token j alone, [n][H · d]. */
  private final float[][] values;

  /**
   * Computes the contributions.
   *
   * @param lens has run the text
   * @param hooks of the model
   * @param cache the run, with {@link #HOOKS}
   * @throws InvalidInputException if attention has an output gate or norm, which depends on the
   *     destination token, or for the reasons of {@link LinearEdits#of}
   */
  public TokenContributions(Lens lens, HookMap hooks, ActivationCache cache, int layer) {
    if (hooks.has(new HookPoint(HookSite.Z_PRE, layer))) {
      throw new InvalidInputException(
          "contributions of tokens", "", "heads of layer " + layer + " go through gates or a norm");
    }
    this.hooks = hooks;
    this.edits = LinearEdits.of(lens, hooks, SUMS);
    this.cache = cache;
    this.layer = layer;
    this.pattern = cache.get(HookSite.PATTERN, layer);
    this.heads = pattern.shape().getFirst();
    this.d = cache.get(HookSite.RESID_PRE, layer).shape().getLast();
    this.values = values(lens.model().executor());
  }

  private float[][] values(Executor executor) {
    var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, layer));
    Activation v = cache.get(HookSite.V, hooks.keysOf(layer));
    int group = heads / v.shape().get(1);
    long headBytes = v.shape().get(2) * 4L;
    int n = cache.rows();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment z = arena.allocate(Math.multiplyExact(n * (long) heads, headBytes));
      for (long row = 0; row < (long) n * heads; row++) {
        MemorySegment.copy(v.data(), row / group * headBytes, z, row * headBytes, headBytes);
      }
      long rowBytes = Math.multiplyExact(heads * (long) d, 4L);
      MemorySegment results = arena.allocate(Math.multiplyExact(n, rowBytes));
      HeadResults.fill(source, executor, z, results);
      var rows = new float[n][];
      Arrays.setAll(rows, j -> results.asSlice(j * rowBytes, rowBytes).toArray(JAVA_FLOAT));
      return rows;
    }
  }

  /** Returns the number of tokens. */
  public int tokens() {
    return values.length;
  }

  /** Returns the factor of the residual stream between the layer and the final norm. */
  public float factor() {
    return hooks.factorFrom(layer);
  }

  /** Returns the input of the layer at token i, [d]. */
  public float[] stream(int i) {
    return cache.get(HookSite.RESID_PRE, layer).row(i);
  }

  /** Returns the contribution of attention to token i, [d], with its bias. */
  public float[] attention(int i) {
    return cache.get(HookSite.ATTN_OUT, layer).row(i);
  }

  /** Returns the contribution of attention to token i by source token j, [i + 1][d]. */
  public float[][] ofAttention(int i) {
    var parts = new float[i + 1][d];
    for (int j = 0; j <= i; j++) {
      for (int h = 0; h < heads; h++) {
        add(parts[j], h, i, j);
      }
    }
    return written(i, parts);
  }

  /** Transforms parts of the product at token i as they are added to the residual stream. */
  private float[][] written(int i, float[][] parts) {
    HeadOutputs.written(hooks, layer, parts);
    for (float[] part : parts) {
      edits.apply(output(), i, part);
    }
    return parts;
  }

  private HookPoint output() {
    return new HookPoint(HookSite.ATTN_OUT, layer);
  }

  /**
   * Returns the contribution of each head to token i by source token j, {@code a_ij x_j W_OV}, [H ·
   * (i + 1)][d].
   */
  public float[][] ofHeads(int i) {
    var parts = new float[heads * (i + 1)][d];
    for (int h = 0; h < heads; h++) {
      for (int j = 0; j <= i; j++) {
        add(parts[h * (i + 1) + j], h, i, j);
      }
    }
    return written(i, parts);
  }

  /** Receives the contribution of a head by source token. */
  @FunctionalInterface
  public interface PartConsumer {
    /**
     * Receives a contribution.
     *
     * @param head h
     * @param source j
     * @param part {@code a_ij x_j W_OV}, [d]; overwritten by the next one
     */
    void take(int head, int source, float[] part);
  }

  /**
   * Passes the contributions of {@link #ofHeads}, with the same bits, by head and then by source
   * token, in the memory of one.
   */
  public void eachHead(int i, PartConsumer taker) {
    List<Op> path = hooks.afterAttention(layer);
    float[] divisors = {};
    var part = new float[d];
    if (path.stream().anyMatch(op -> op instanceof Op.Norm)) {
      var total = new float[d];
      eachProduct(i, part, (h, j, product) -> Vectors.add(total, product));
      divisors = HeadOutputs.divisors(path, total);
    }
    float[] ofTotal = divisors;
    eachProduct(
        i,
        part,
        (h, j, product) -> {
          HeadOutputs.write(path, product, ofTotal);
          edits.apply(output(), i, product);
          taker.take(h, j, product);
        });
  }

  private void eachProduct(int i, float[] part, PartConsumer taker) {
    for (int h = 0; h < heads; h++) {
      float factor = edits.ofHead(layer, h, i);
      for (int j = 0; j <= i; j++) {
        float weight = factor * pattern.at(h, i, j);
        float[] value = values[j];
        int begin = h * d;
        for (int k = 0; k < part.length; k++) {
          part[k] = weight * value[begin + k];
        }
        taker.take(h, j, part);
      }
    }
  }

  /** Adds a_ij x_j W_OV of a head. */
  private void add(float[] sum, int h, int i, int j) {
    float weight = edits.ofHead(layer, h, i) * pattern.at(h, i, j);
    float[] value = values[j];
    int begin = h * d;
    for (int k = 0; k < sum.length; k++) {
      sum[k] = Math.fma(weight, value[begin + k], sum[k]);
    }
  }
}
