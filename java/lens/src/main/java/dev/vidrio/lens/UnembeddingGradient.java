package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Computes the gradient of a function of logits with respect to the residual stream at the end of a
 * model, through the weights that serve.
 */
public final class UnembeddingGradient implements AutoCloseable {
  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Arena arena = Arena.ofShared();
  private final Buffer residual;
  private final Buffer logits;
  private final int rows;
  private final MemorySegment table;
  private final MemorySegment seed;
  private final Gradient gradient;
  private final int[] blocks;
  private final Batch batch;
  private final ExecutablePlan plan;

  private UnembeddingGradient(Executor executor, Unembedding.End end) {
    this.residual = end.residual();
    this.logits = end.logits();
    this.rows = end.rows();
    try {
      this.table = executor.allocate((long) rows * residual.width() * Float.BYTES, arena);
      this.seed = executor.allocate((long) rows * logits.width() * Float.BYTES, arena);
      var weights =
          new Weights("x", WeightType.F32, Weights.Layout.ROWS, rows, residual.width(), table);
      List<Op> ops = new ArrayList<>();
      ops.add(new Op.Embed(weights, Op.EmbedIndex.TOKENS, 0, 0, residual));
      ops.addAll(end.ops());
      var forward = new Plan(ops, NO_CACHE, Set.of(logits));
      this.gradient =
          new Differentiation(Map.of(logits, seed), Set.of(residual), GradientRules.EXACT)
              .differentiate(forward);
      this.blocks = IntStream.range(0, KvCache.blocksFor(rows)).toArray();
      var cache = new KvCache(executor, NO_CACHE, blocks.length, arena);
      var limits = new Limits(rows, rows, 1, rows, rows);
      this.batch = new Batch(limits, arena);
      this.plan = executor.prepare(gradient.plan(), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
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
    var gradients = new float[residuals.length][residual.width()];
    for (int begin = 0; begin < residuals.length; begin += rows) {
      run(residuals, begin, Math.min(rows, residuals.length - begin), function, gradients);
    }
    return gradients;
  }

  private void run(
      float[][] residuals, int begin, int count, RowFunction function, float[][] gradients) {
    int d = residual.width();
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length);
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(residuals[begin + i], 0, table, JAVA_FLOAT, (long) i * d * 4, d);
      batch.add(i, i, sequence, true);
    }
    plan.run(batch, 0, gradient.forwardOps());
    seed.fill((byte) 0);
    long bytes = logits.width() * 4L;
    MemorySegment computed = plan.data(logits);
    IntStream.range(0, count)
        .parallel()
        .forEach(
            i ->
                function.at(
                    begin + i, computed.asSlice(i * bytes, bytes), seed.asSlice(i * bytes, bytes)));
    plan.run(batch, gradient.forwardOps(), gradient.plan().ops().size());
    MemorySegment back = plan.data(gradient.of(residual));
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(back, JAVA_FLOAT, (long) i * d * 4, gradients[begin + i], 0, d);
    }
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
