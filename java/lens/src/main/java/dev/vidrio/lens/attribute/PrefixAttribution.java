package dev.vidrio.lens.attribute;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;

/**
 * Attribution of predictions within a text to the tokens before them, by gradients: one forward
 * pass over the text, then a backward pass over the tokens before each prediction. Results have the
 * bits of {@link GradientAttribution} of these tokens alone.
 *
 * {@snippet file="LensExamplesTest.java" region="prefixes"}
 *
 * <p>Not thread-safe.
 *
 * @see AnswerAttribution
 * @see "docs/lens/attribution.md"
 */
public final class PrefixAttribution implements AutoCloseable {
  private static final HookPoint LOGITS = HookPoint.of(HookSite.LOGITS);

  private final int[] tokens;
  private final int from;
  private final GradientSession session;

  private PrefixAttribution(int[] tokens, int from, GradientSession session) {
    this.tokens = tokens;
    this.from = from;
    this.session = session;
  }

  /**
   * Runs a text, unless its activations need too much memory.
   *
   * @param tokens BOS is not added
   * @param from the shortest prefix to attribute after, in tokens, at least 1
   * @param maxBytes the memory that the activations may take
   * @throws dev.vidrio.error.InvalidInputException if the model does not support the tokens, or
   *     {@code from} is not the length of a prefix
   */
  public static Optional<PrefixAttribution> of(Lens lens, int[] tokens, int from, long maxBytes) {
    Preconditions.requireTokens(lens.model(), tokens);
    Preconditions.require(
        from >= 1 && from <= tokens.length, "from", from, "must be 1 to " + tokens.length);
    GradientOptions options =
        GradientOptions.of(InputAttribution.INPUT.name(), tokens.length)
            .withLogits(tokens.length - from + 1)
            .repeating();
    GradientSession session = GradientSession.open(lens, options);
    try {
      if (session.bytes() > maxBytes) {
        session.close();
        return Optional.empty();
      }
      session.forward(tokens);
      return Optional.of(new PrefixAttribution(tokens.clone(), from, session));
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  /** Returns the tokens of the text. */
  public int[] tokens() {
    return tokens.clone();
  }

  /**
   * Returns whether a metric of the logits after a prefix can be attributed.
   *
   * @param prefix tokens
   * @param positions the number of positions, at the end of the prefix, with logits that the metric
   *     reads
   */
  public boolean covers(int[] prefix, int positions) {
    return prefix.length <= tokens.length
        && prefix.length - positions + 1 >= from
        && Arrays.equals(prefix, 0, prefix.length, tokens, 0, prefix.length);
  }

  /**
   * Returns gradient × input, as {@link GradientAttribution#timesInput} does.
   *
   * @param length the number of tokens of the prefix
   * @param metric of the logits at the end of the prefix
   */
  public InputAttribution timesInput(int length, DifferentiableMetric metric) {
    return of(length, metric, Vectors::dot);
  }

  /**
   * Returns the norm of the gradient, as {@link GradientAttribution#norm} does.
   *
   * @param length the number of tokens of the prefix
   * @param metric of the logits at the end of the prefix
   */
  public InputAttribution norm(int length, DifferentiableMetric metric) {
    return of(length, metric, (x, dx) -> Vectors.norm(dx));
  }

  private InputAttribution of(
      int length, DifferentiableMetric metric, ToDoubleBiFunction<float[], float[]> score) {
    int begin = length - metric.positions() + 1;
    Preconditions.require(
        begin >= from && length <= tokens.length,
        "prefix",
        length + " tokens",
        "must have logits from token " + from + " on, and at most " + tokens.length + " tokens");
    Activation logits = session.activation(LOGITS);
    MemorySegment seed = session.seed(LOGITS).data();
    seed.fill((byte) 0);
    long row = (long) logits.shape().getLast() * Float.BYTES;
    long at = (begin - from) * row;
    long bytes = metric.positions() * row;
    double value = metric.of(logits.data().asSlice(at, bytes), seed.asSlice(at, bytes));
    session.backward(length);
    Activation x = session.activation(InputAttribution.INPUT);
    Activation dx = session.gradient(InputAttribution.INPUT);
    return new InputAttribution(
        value,
        Double.NaN,
        IntStream.range(0, length)
            .mapToObj(i -> score.applyAsDouble(x.row(i), dx.row(i)))
            .toList());
  }

  /** Frees the activations. */
  @Override
  public void close() {
    session.close();
  }
}
