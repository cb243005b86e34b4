package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.component.LogitDirection.Readout;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Projects vectors of the residual stream to all logits, given the divisor of the final norm:
 * {@code (x − mean(x)) / σ ⊙ γ · W_U}, without biases and before a soft cap. {@link LogitDirection}
 * is one column of it. Products are in f32 with the values that the weights of W_U represent, so
 * that the projections of parts add up to that of their sum, up to rounding.
 *
 * <p>W_U is converted to floats block by block: memory does not grow with the vocabulary. Not
 * thread-safe.
 */
public final class LogitProjection implements AutoCloseable {
  /** Columns of W_U that are converted at once. */
  private static final int COLUMNS = 2048;

  /** Rows per product. */
  private static final int ROWS = 256;

  private final Readout end;
  private final int vocabulary;
  private final float[][] columns;
  private final RowPlan unembedding;
  private final MatrixProduct product;

  /** Creates the projection of a model, which must stay open. */
  public LogitProjection(Model model) {
    this.end = Readout.of(model);
    this.vocabulary = model.architecture().vocabulary();
    this.columns = new float[Math.min(COLUMNS, vocabulary)][end.norm().d()];
    this.unembedding = LogitDirection.rows(model, end.product().weights(), columns.length);
    try {
      this.product = new MatrixProduct(model.executor(), columns.length, end.norm().d(), ROWS);
    } catch (Throwable e) {
      unembedding.close();
      throw e;
    }
  }

  /** Returns V. */
  public int vocabulary() {
    return vocabulary;
  }

  /**
   * Divides a part of the residual stream, [d], by the divisor of the norm, and multiplies it by
   * the gain of the norm and the factor of the logits: a row for {@link #logits}.
   *
   * @param part scaled as at the end of the last block; overwritten
   */
  public float[] normalized(float[] part, double divisor) {
    Op.Norm norm = end.norm();
    NormValues.center(norm, part);
    double factor = end.factor() / divisor;
    for (int j = 0; j < part.length; j++) {
      part[j] = (float) (part[j] * factor * LogitDirection.element(norm.gain(), j, 1));
    }
    return part;
  }

  /** Returns the logit of one token for each row, with the bits of {@link #logits}. */
  public float[] logits(float[][] normalized, int token) {
    load(new int[] {token});
    var logits = new float[normalized.length];
    each(normalized, (row, values) -> logits[row] = values[0]);
    return logits;
  }

  /** Receives a part of the logits of a row. */
  @FunctionalInterface
  public interface Consumer {
    /**
     * Receives logits of a row. Different rows are passed by several threads, the parts of a row in
     * order.
     *
     * @param row its number
     * @param first the token of element 0
     * @param count number of tokens
     * @param logits [count or more]
     */
    void take(int row, int first, int count, float[] logits);
  }

  /** Computes the logits of rows, some tokens at a time. */
  public void logits(float[][] normalized, Consumer consumer) {
    for (int first = 0; first < vocabulary; first += columns.length) {
      int begin = first;
      int count = Math.min(columns.length, vocabulary - first);
      load(IntStream.range(begin, begin + count).toArray());
      each(normalized, (row, values) -> consumer.take(row, begin, count, values));
    }
  }

  private void load(int[] tokens) {
    unembedding.run(tokens);
    for (int i = 0; i < tokens.length; i++) {
      MemorySegment.copy(unembedding.output(i), JAVA_FLOAT, 0, columns[i], 0, columns[i].length);
    }
    product.weights(columns);
  }

  private interface Row {
    void take(int row, float[] values);
  }

  private void each(float[][] rows, Row taker) {
    for (int begin = 0; begin < rows.length; begin += ROWS) {
      int first = begin;
      int end = Math.min(rows.length, begin + ROWS);
      float[][] values = product.of(Arrays.copyOfRange(rows, begin, end));
      IntStream.range(0, values.length).parallel().forEach(i -> taker.take(first + i, values[i]));
    }
  }

  @Override
  public void close() {
    product.close();
    unembedding.close();
  }
}
