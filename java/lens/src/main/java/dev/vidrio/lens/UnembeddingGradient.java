package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes the gradient of a function of logits with respect to the residual stream at the end of a
 * model, through the weights that serve.
 */
public final class UnembeddingGradient implements AutoCloseable {
  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Unembedding.End end;
  private final RowGradient gradient;

  private UnembeddingGradient(Executor executor, Unembedding.End end) {
    this.end = end;
    this.gradient =
        new RowGradient(
            executor, end.ops(), NO_CACHE, end.residual(), List.of(end.logits()), end.rows());
  }

  /** Opens the end of a model, which must stay open. */
  public static UnembeddingGradient of(Model model) {
    return new UnembeddingGradient(model.executor(), Unembedding.End.of(model));
  }

  /** A function of the logits of rows. */
  @FunctionalInterface
  public interface RowFunction {
    /**
     * Computes the gradient of a row.
     *
     * @param row its number
     * @param logits [V] f32, valid during the call
     * @param gradient [V] f32, zeros on entry; receives the gradient with respect to the logits
     */
    void at(int row, MemorySegment logits, MemorySegment gradient);
  }

  /**
   * Runs rows of a residual stream forward and backward.
   *
   * @param residuals [n][d]
   * @return the gradient with respect to them, [n][d]
   */
  public float[][] of(float[][] residuals, RowFunction function) {
    int d = end.residual().width();
    long bytes = end.logits().width() * 4L;
    var gradients = new float[residuals.length][d];
    MemorySegment seed = gradient.seed(end.logits());
    gradient.run(
        residuals.length,
        (i, row) -> MemorySegment.copy(residuals[i], 0, row, JAVA_FLOAT, 0, d),
        begin -> {
          seed.fill((byte) 0);
          MemorySegment computed = gradient.output(end.logits());
          IntStream.range(0, Math.min(end.rows(), residuals.length - begin))
              .parallel()
              .forEach(
                  i ->
                      function.at(
                          begin + i,
                          computed.asSlice(i * bytes, bytes),
                          seed.asSlice(i * bytes, bytes)));
        },
        (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, gradients[i], 0, d));
    return gradients;
  }

  @Override
  public void close() {
    gradient.close();
  }
}
