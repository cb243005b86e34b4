package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.HeadResults;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What attention of a layer adds to the stream of a token, by the token that it comes from: {@code
 * Σ_h a_ij x_j W_OV}. What stands between attention and the stream has the divisors of the run.
 */
public final class TokenContributions {
  /** The hook points that it reads. */
  public static final String HOOKS = "*.hook_pattern, *.hook_v, *.hook_resid_pre, *.hook_attn_out";

  private final HookMap hooks;
  private final ActivationCache cache;
  private final int layer;
  private final Activation pattern;
  private final int heads;
  private final int d;

  /** What a head would add if it looked at token j alone, [n][H · d]. */
  private final float[][] values;

  /**
   * @param hooks of the model
   * @param cache a run that holds {@link #HOOKS}
   * @throws InvalidInputException where gates or a norm of the token that looks stand behind the
   *     values of those it looks at
   */
  public TokenContributions(Executor executor, HookMap hooks, ActivationCache cache, int layer) {
    if (hooks.has(new HookPoint(HookSite.Z_PRE, layer))) {
      throw new InvalidInputException(
          "contributions of tokens", "", "heads of layer " + layer + " go through gates or a norm");
    }
    this.hooks = hooks;
    this.cache = cache;
    this.layer = layer;
    this.pattern = cache.get(HookSite.PATTERN, layer);
    this.heads = pattern.shape().getFirst();
    this.d = cache.get(HookSite.RESID_PRE, layer).shape().getLast();
    this.values = values(executor);
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

  /** Tokens of the text. */
  public int tokens() {
    return values.length;
  }

  /** What the stream is multiplied by between what the layer adds and the last norm. */
  public float factor() {
    return hooks.factorFrom(layer);
  }

  /** What the layer reads of token i, [d]. */
  public float[] stream(int i) {
    return cache.get(HookSite.RESID_PRE, layer).row(i);
  }

  /** What attention adds to token i, [d], with its bias. */
  public float[] attention(int i) {
    return cache.get(HookSite.ATTN_OUT, layer).row(i);
  }

  /** What attention adds to token i by token j, [i + 1][d]. */
  public float[][] ofAttention(int i) {
    return HeadOutputs.written(hooks, layer, mixed(i));
  }

  /** What each head adds to token i by token j, {@code a_ij x_j W_OV}, [H][i + 1][d]. */
  public float[][][] ofHeads(int i) {
    var flat = new float[heads * (i + 1)][d];
    for (int h = 0; h < heads; h++) {
      for (int j = 0; j <= i; j++) {
        add(flat[h * (i + 1) + j], h, i, j);
      }
    }
    HeadOutputs.written(hooks, layer, flat);
    var byHead = new float[heads][][];
    Arrays.setAll(byHead, h -> Arrays.copyOfRange(flat, h * (i + 1), (h + 1) * (i + 1)));
    return byHead;
  }

  /** Σ_h a_ij x_j W_OV for each j up to i, before what stands between attention and stream. */
  private float[][] mixed(int i) {
    var parts = new float[i + 1][d];
    for (int j = 0; j <= i; j++) {
      for (int h = 0; h < heads; h++) {
        add(parts[j], h, i, j);
      }
    }
    return parts;
  }

  /** Adds a_ij x_j W_OV of a head. */
  private void add(float[] sum, int h, int i, int j) {
    float weight = pattern.at(h, i, j);
    for (int k = 0; k < d; k++) {
      sum[k] = Math.fma(weight, values[j][h * d + k], sum[k]);
    }
  }
}
