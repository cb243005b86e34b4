package dev.vidrio.lens.attribute;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gradients of all tokens of an answer with respect to the embeddings: one forward pass over the
 * prompt and the answer, then one backward pass per token of the answer, over the tokens before it.
 *
 * <p>The logits of an answer, and their gradients, take memory. So a long answer runs in several
 * parts, each with a forward pass of its own over the text up to its end.
 */
final class AnswerGradients implements AutoCloseable {
  private static final HookPoint LOGITS = HookPoint.of(HookSite.LOGITS);

  /** Maximum number of logits of a part. */
  private static final int MOST_LOGITS = 1 << 24;

  private final Answer answer;
  private final int[] input;
  private final List<DifferentiableMetric> metrics;
  private final int rows;
  private final GradientSession session;

  /** Receives the gradient of a token of the answer. */
  @FunctionalInterface
  interface Receiver {
    /**
     * Processes a gradient.
     *
     * @param i the index of the token in the answer
     * @param dx the gradient with respect to the embeddings, [n, d], where n is at least the number
     *     of tokens before it; zeros from its position on
     */
    void accept(int i, Activation dx);
  }

  /**
   * Opens a session.
   *
   * @param editable true if embeddings are edited
   */
  AnswerGradients(Lens lens, Answer answer, GradientRules rules, boolean editable) {
    this(lens, answer, rules, editable, MOST_LOGITS);
  }

  /**
   * Opens a session.
   *
   * @param editable true if embeddings are edited
   * @param mostLogits maximum number of logits of a part
   */
  AnswerGradients(Lens lens, Answer answer, GradientRules rules, boolean editable, int mostLogits) {
    this.answer = answer;
    this.input = answer.input();
    this.metrics = answer.metrics();
    Preconditions.requireTokens(lens.model(), input);
    int most = Math.max(1, mostLogits / lens.model().architecture().vocabulary());
    this.rows = Math.min(answer.length(), most);
    String embed = InputAttribution.INPUT.name();
    GradientOptions options =
        GradientOptions.of(embed, input.length).withLogits(rows).withRules(rules).repeating();
    this.session = GradientSession.open(lens, editable ? options.withEditable(embed) : options);
  }

  /** Returns the embeddings of the tokens before the last, [n − 1, d]. */
  float[] embeddings() {
    session.forward(input);
    return session.activation(InputAttribution.INPUT).toArray();
  }

  /** Returns the embedding of a token in the current run, [d]. */
  float[] embedding(int position) {
    return session.activation(InputAttribution.INPUT).row(position);
  }

  /**
   * Runs the text under interventions, which may exceed the end of a part.
   *
   * @param receiver of the gradients; null for none
   * @return the metric of each token of the answer
   */
  double[] run(List<Intervention> edits, @Nullable Receiver receiver) {
    session.edits(edits);
    var values = new double[answer.length()];
    for (int begin = 0; begin < values.length; begin += rows) {
      int end = Math.min(values.length, begin + rows);
      session.forward(Arrays.copyOf(input, answer.from() + end - 1));
      for (int i = begin; i < end; i++) {
        values[i] = seed(i, end);
        if (receiver != null) {
          session.backward(answer.from() + i);
          receiver.accept(i, session.gradient(InputAttribution.INPUT));
        }
      }
    }
    return values;
  }

  /** Sets the seed to the gradient of the metric of token i alone, and returns the metric. */
  private double seed(int i, int end) {
    Activation logits = session.activation(LOGITS);
    MemorySegment seed = session.seed(LOGITS).data();
    seed.fill((byte) 0);
    long row = (long) logits.shape().getLast() * Float.BYTES;
    long at = seed.byteSize() - (end - i) * row;
    return metrics.get(i).of(logits.data().asSlice(at, row), seed.asSlice(at, row));
  }

  @Override
  public void close() {
    session.close();
  }
}
