package dev.vidrio.lens.partial;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Computes single heads' queries, keys, values or gates from rows of the residual stream, with the
 * rows of the matrix that belong to each head.
 */
public final class HeadProjection implements AutoCloseable {
  /** Receives rows of a head. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Receives adjacent rows of a head's projection.
     *
     * @param begin the first row
     * @param rows [rows, d_h], valid during the call
     */
    void take(int head, int begin, MemorySegment rows);
  }

  private final RowPlan plan;
  private final List<Buffer> outputs = new ArrayList<>();

  /** The number of operations from the rows to the input of the matrix. */
  private final int shared;

  private final int opsPerHead;

  private HeadProjection(
      Executor executor, Buffer stream, List<Op> path, Op.MatMul product, int heads, int rows) {
    int at = path.indexOf(product);
    List<Op> ops = new ArrayList<>(path.subList(0, at));
    this.shared = ops.size() + 1;
    this.opsPerHead = path.size() - at;
    var projection = new HeadGradients.Projection(product.weights(), heads);
    for (int h = 0; h < heads; h++) {
      Operand x = product.x();
      for (Op op : path.subList(at, path.size())) {
        Op part = part(op, projection, heads, h, x);
        ops.add(part);
        x = part.writes().getFirst();
      }
      outputs.add((Buffer) x);
    }
    this.plan =
        new RowPlan(
            executor,
            stream,
            ops,
            outputs,
            rows,
            arena -> RowPlan.input(executor, stream, rows, arena));
  }

  /**
   * Returns the computation, or null if the heads cannot be separated.
   *
   * @param path all operations from the stream to the projection
   * @param rows maximum rows per step
   */
  public static @Nullable HeadProjection of(
      Executor executor, Buffer stream, List<Op> path, int heads, int rows) {
    Op.MatMul product = product(path, stream, heads);
    return product != null && new HeadGradients.Projection(product.weights(), heads).divides()
        ? new HeadProjection(executor, stream, path, product, heads, rows)
        : null;
  }

  /**
   * Returns the product of a projection if all other operations from the stream on are a norm
   * before it and operations after it that do not mix heads; otherwise null.
   */
  public static Op.@Nullable MatMul product(List<Op> path, Buffer stream, int heads) {
    Op.MatMul product = null;
    for (Op op : path) {
      boolean fits =
          switch (op) {
            case Op.Norm norm ->
                product == null
                    ? norm.heads() == 1 && norm.x().equals(stream)
                    : norm.heads() == heads;
            case Op.Quantize ignored -> product == null;
            case Op.MatMul ignored -> product == null;
            case Op.AddBias ignored -> product != null;
            case Op.Scale ignored -> product != null;
            case Op.Activation activation -> product != null && activation.up() == null;
            default -> false;
          };
      if (!fits) {
        return null;
      }
      product = op instanceof Op.MatMul found ? found : product;
    }
    return product;
  }

  /** Returns the operation on one head's elements. */
  private static Op part(
      Op op, HeadGradients.Projection projection, int heads, int head, Operand x) {
    Buffer whole = (Buffer) op.writes().getFirst();
    var y = new Buffer(whole.name() + "." + head, Rows.TOKENS, whole.width() / heads);
    return switch (op) {
      case Op.MatMul product -> new Op.MatMul(projection.rows(head), x, y, product.arithmetic());
      case Op.AddBias bias -> new Op.AddBias((Buffer) x, part(bias.bias(), heads, head), y);
      case Op.Scale scale -> new Op.Scale((Buffer) x, scale.factor(), y);
      case Op.Activation activation -> new Op.Activation(activation.kind(), (Buffer) x, null, y);
      case Op.Norm norm ->
          new Op.Norm(
              norm.kind(),
              norm.epsilon(),
              1,
              (Buffer) x,
              affine(norm, norm.gain(), heads, head),
              affine(norm, norm.bias(), heads, head),
              y,
              null);
      default -> throw new IllegalArgumentException(op.getClass().getSimpleName());
    };
  }

  /** Returns a head's gain or bias of a norm. */
  private static @Nullable Weights affine(
      Op.Norm norm, @Nullable Weights vector, int heads, int head) {
    return vector == null || !norm.perHead() ? vector : part(vector, heads, head);
  }

  private static Weights part(Weights vector, int heads, int head) {
    int width = vector.k() / heads;
    MemorySegment data = vector.data().asSlice(4L * head * width, 4L * width);
    String name = vector.name() + "." + head;
    return new Weights(name, vector.type(), vector.layout(), 1, width, data);
  }

  /**
   * Computes the projections of some heads.
   *
   * @param input fills each row of the stream
   */
  public void run(int count, RowPlan.Row input, List<Integer> heads, Sink sink) {
    plan.run(
        count,
        input,
        begin -> {
          int rows = Math.min(plan.rows(), count - begin);
          plan.run(0, shared);
          for (int h : heads) {
            int first = shared + h * opsPerHead;
            plan.run(first, first + opsPerHead);
          }
          for (int h : heads) {
            Buffer y = outputs.get(h);
            sink.take(h, begin, plan.data(y).asSlice(0, 4L * rows * y.width()));
          }
        },
        (i, row) -> {});
  }

  @Override
  public void close() {
    plan.close();
  }
}
