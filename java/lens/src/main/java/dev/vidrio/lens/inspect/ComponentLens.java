package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.TopKHeap;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.component.LogitProjection;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The logit lens of components (Geva et al. 2022, arXiv 2203.14680; section 4.4.1 of the primer):
 * which tokens does a head, a feed-forward block or a neuron promote here, and which does it
 * demote? The residual stream is a sum of what components write, so the logits are a sum of
 *
 * <pre>(f − mean(f)) / σ ⊙ γ · W_U</pre>
 *
 * over the writes f, [d], plus a constant. The divisor σ of the final norm is that of the run's
 * last residual stream, γ is the gain of the norm, and only LayerNorm subtracts the mean. Values
 * are in units of logits: all of them are what {@link DirectLogitAttribution} computes for one
 * token. They are not a distribution; a softmax over a lone write is a prediction that the model
 * never makes.
 *
 * <p>Writes are the activations that are added to the residual stream ({@code hook_attn_out},
 * {@code hook_mlp_out}, {@code hook_embed} and so on), the results of heads ({@code
 * attn.hook_result}), and the neurons of a feed-forward block at {@code mlp.hook_post}, {@code n_u
 * w_out,u}. Norms and factors between a component and the stream are included, with the divisors of
 * the run.
 *
 * {@snippet file="LensExamplesTest.java" region="components"}
 *
 * <p>Methods are thread-safe. Memory is 4 · d bytes per component and position; no logits of the
 * whole vocabulary are kept.
 *
 * @param tokens the text
 * @param from the position of column 0
 * @param components names such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.mlp} and
 *     {@code L3.N12}, in the order of the model
 * @param cells [components][positions]
 * @param token a token; every cell also has its logit; −1 for none
 * @param capped whether the model soft-caps its logits; values are those before the cap
 * @see LogitLens
 * @see "docs/lens/decoding.md"
 */
public record ComponentLens(
    List<Integer> tokens,
    int from,
    List<String> components,
    List<List<Cell>> cells,
    int token,
    boolean capped) {
  /** Maximum bytes of the writes. */
  private static final long BYTES = 1L << 30;

  /**
   * The contribution of a component to the logits at a position.
   *
   * @param promoted the tokens with the largest values, in descending order
   * @param demoted the tokens with the smallest values, in ascending order
   * @param deviation the standard deviation of the values over the vocabulary: 0 if the component
   *     does not change the distribution
   * @param logSum the logarithm of the sum of the exponentials of the values
   * @param standing the value of the token in question, or null if there is none
   */
  public record Cell(
      List<Effect> promoted,
      List<Effect> demoted,
      double deviation,
      double logSum,
      @Nullable Standing standing) {
    public Cell {
      promoted = List.copyOf(promoted);
      demoted = List.copyOf(demoted);
    }

    /** Returns the probability of a value under a softmax over this component's values alone. */
    public double probability(double logit) {
      return Math.exp(logit - logSum);
    }
  }

  /** A token, and what is added to its logit. */
  public record Effect(int token, double logit) {}

  /**
   * The value of a token among those of all tokens.
   *
   * @param rank from 0, the most promoted
   */
  public record Standing(double logit, int rank) {}

  public ComponentLens {
    tokens = List.copyOf(tokens);
    components = List.copyOf(components);
    cells = cells.stream().map(List::copyOf).toList();
  }

  /**
   * Projects what components write.
   *
   * @param capture the positions; its patterns must select points with activations that are added
   *     to the residual stream
   * @param k number of promoted and of demoted tokens, at least 1
   */
  public static ComponentLens of(Lens lens, int[] tokens, Capture capture, int k) {
    return of(lens, tokens, capture, k, -1, List.of());
  }

  /**
   * Projects what components write in a run with interventions.
   *
   * @param token a token; each cell also has its value; −1 for none
   * @throws InvalidInputException also if an intervention does not fit its point, the token is not
   *     in the vocabulary, a layer's neurons are those of experts, or the writes do not fit 1 GiB
   */
  public static ComponentLens of(
      Lens lens, int[] tokens, Capture capture, int k, int token, List<Intervention> edits) {
    Preconditions.requirePositive("tokens of a cell", k);
    if (token >= 0) {
      Preconditions.requireToken(lens.model(), token);
    }
    List<HookPoint> points = lens.points(capture.hooks());
    points.forEach(ComponentLens::requireWrite);
    Capture more = capture.withHooks(capture.hooks() + "," + HookSite.LN_FINAL_SCALE.suffix());
    try (var projection = new LogitProjection(lens.model());
        ActivationCache cache = lens.run(tokens, more, edits)) {
      int n = cache.rows();
      requireMemory(count(lens, points), n, lens.model().architecture().width());
      List<float[]> inputs = new ArrayList<>();
      List<String> names = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        double divisor = cache.get(HookSite.LN_FINAL_SCALE).at(i, 0);
        SequencedMap<String, float[]> writes = writes(lens, cache, points, i);
        if (i == 0) {
          names.addAll(writes.keySet());
        }
        writes.values().forEach(write -> inputs.add(projection.normalized(write, divisor)));
      }
      List<Cell> all = cells(projection, inputs.toArray(float[][]::new), k, token);
      List<List<Cell>> rows =
          IntStream.range(0, names.size())
              .mapToObj(c -> IntStream.range(0, n).mapToObj(i -> all.get(i * names.size() + c)))
              .map(row -> row.toList())
              .toList();
      return new ComponentLens(
          Arrays.stream(cache.tokens()).boxed().toList(),
          cache.from(),
          names,
          rows,
          token,
          LogitDirection.isCapped(lens.model()));
    }
  }

  /**
   * Returns whether hook points are those of components, rather than of residual streams that
   * {@link LogitLens} decodes. The embeddings are both: they are a component among others.
   *
   * @throws InvalidInputException if a point is neither, or there are components and other streams
   */
  public static boolean areComponents(List<HookPoint> points) {
    boolean components = points.stream().anyMatch(point -> !point.site().isResidualStream());
    if (components) {
      points.forEach(ComponentLens::requireWrite);
    }
    return components;
  }

  /** Returns the number of components at hook points: heads and neurons count one by one. */
  public static int count(Lens lens, List<HookPoint> points) {
    HookMap hooks = HookMap.of(lens.model());
    int count = 0;
    for (HookPoint point : points) {
      count +=
          switch (point.site()) {
            case RESULT -> hooks.heads(point.layer());
            case POST -> hooks.source(point).width();
            default -> 1;
          };
    }
    return count;
  }

  private static void requireWrite(HookPoint point) {
    HookSite site = point.site();
    Preconditions.require(
        site.isAddedToResidualStream() || site == HookSite.POST,
        "hook",
        point.name(),
        site.isResidualStream()
            ? "is a residual stream, which cannot be combined with components"
            : "is neither a residual stream nor added to it");
  }

  private static void requireMemory(int components, int positions, int d) {
    Preconditions.require(
        4L * components * positions * d <= BYTES,
        "components",
        components + " at " + positions + " positions",
        "must be at most " + BYTES / 4 / d + " in all; select fewer hooks or positions");
  }

  /** Returns the writes [d] at row i, scaled as at the end of the last block. */
  private static SequencedMap<String, float[]> writes(
      Lens lens, ActivationCache cache, List<HookPoint> points, int i) {
    HookMap hooks = HookMap.of(lens.model());
    SequencedMap<String, float[]> writes = new LinkedHashMap<>();
    for (HookPoint point : points) {
      int layer = point.layer();
      String block = point.site().inBlock() ? "L" + layer + "." : "";
      float factor = hooks.factorFrom(Math.max(0, layer));
      switch (point.site()) {
        case RESULT -> add(writes, block + "H", HeadOutputs.of(hooks, cache, layer, i), factor);
        case POST -> {
          float[] activations = cache.get(point).row(i);
          float[][] neurons = NeuronOutputs.written(lens, hooks, layer, activations);
          add(writes, block + "N", neurons, factor);
        }
        default -> {
          float[] write = cache.get(point).row(i);
          Vectors.scale(write, factor);
          writes.put(block + point.site().suffix().replaceAll("hook_|_out", ""), write);
        }
      }
    }
    return writes;
  }

  private static void add(
      SequencedMap<String, float[]> writes, String prefix, float[][] parts, float factor) {
    for (int p = 0; p < parts.length; p++) {
      Vectors.scale(parts[p], factor);
      writes.put(prefix + p, parts[p]);
    }
  }

  /** Returns the cell of each write. */
  private static List<Cell> cells(LogitProjection projection, float[][] inputs, int k, int token) {
    float[] own = token < 0 ? new float[inputs.length] : projection.logits(inputs, token);
    int count = Math.min(k, projection.vocabulary());
    var collectors = new Collector[inputs.length];
    Arrays.setAll(collectors, row -> new Collector(count, token, own[row]));
    projection.logits(
        inputs, (row, first, size, logits) -> collectors[row].add(first, size, logits));
    return Arrays.stream(collectors).map(Collector::cell).toList();
  }

  /** Collects the values of a write. */
  private static final class Collector {
    private final TopKHeap highest;
    private final TopKHeap lowest;
    private final int token;
    private final float own;
    private int rank;
    private int count;
    private double sum;
    private double squares;
    private double max = Double.NEGATIVE_INFINITY;
    private double exponentials;

    /**
     * Creates a collector.
     *
     * @param own the value of the token
     */
    Collector(int k, int token, float own) {
      this.highest = new TopKHeap(k);
      this.lowest = new TopKHeap(k);
      highest.begin(k);
      lowest.begin(k);
      this.token = token;
      this.own = own;
    }

    void add(int first, int size, float[] values) {
      double before = max;
      for (int w = 0; w < size; w++) {
        float value = values[w];
        highest.offer(value, first + w);
        lowest.offer(-value, first + w);
        sum += value;
        squares += (double) value * value;
        max = Math.max(max, value);
        if (value > own || (value == own && first + w < token)) {
          rank++;
        }
      }
      count += size;
      exponentials *= Math.exp(before - max);
      for (int w = 0; w < size; w++) {
        exponentials += Math.exp(values[w] - max);
      }
    }

    Cell cell() {
      double mean = sum / count;
      return new Cell(
          effects(highest, 1),
          effects(lowest, -1),
          Math.sqrt(Math.max(0, squares / count - mean * mean)),
          max + Math.log(exponentials),
          token < 0 ? null : new Standing(own, rank));
    }

    private static List<Effect> effects(TopKHeap heap, int sign) {
      return IntStream.range(0, heap.sort())
          .mapToObj(i -> new Effect(heap.id(i), sign * (double) heap.value(i)))
          .toList();
    }
  }
}
