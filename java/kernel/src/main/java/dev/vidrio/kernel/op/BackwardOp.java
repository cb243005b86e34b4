package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The vector-Jacobian products of operations with respect to activations: {@code dy} is the
 * gradient of some number with respect to what an operation wrote, {@code dx} that with respect to
 * what it read. Weights are constants, and the quantization of activations counts as the identity
 * (the straight-through estimator, arXiv 1308.3432). {@link dev.vidrio.kernel.gradient.Gradient}
 * adds them to a plan.
 */
public sealed interface BackwardOp extends Op {
  /**
   * {@code y = values}: the gradient that others follow from.
   *
   * @param values [room for rows, width], f32 in memory of the executor, which whoever runs the
   *     plan fills
   */
  record Seed(MemorySegment values, Buffer y) implements BackwardOp {
    public Seed {
      long row = (long) y.width() * Float.BYTES;
      require(values.byteSize() > 0 && values.byteSize() % row == 0, y, "size of values");
    }

    @Override
    public List<Operand> reads() {
      return List.of();
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /** Adds x[i] to the i-th row that asks for logits; other rows of y are 0. */
  record Scatter(Buffer x, Buffer y) implements BackwardOp {
    public Scatter {
      require(x.rows() == Rows.LOGITS && y.rows() == Rows.TOKENS, y, "rows");
      require(x.width() == y.width(), y, "width");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /**
   * The gradient of a norm.
   *
   * @param frozen whether its divisors count as constants
   */
  record Norm(Op.Norm forward, boolean frozen, Buffer dy, Buffer dx) implements BackwardOp {
    public Norm {
      requireSame(forward.x(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.x(), dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx);
    }
  }

  /** What stands for the derivative of an activation f. */
  enum Slope {
    DERIVATIVE,
    /** {@code (f(x) − f(0)) / x}: the identity rule of arXiv 2402.05602, where f(0) is a bias. */
    SECANT
  }

  /**
   * The gradient of an activation with respect to its x. That with respect to up is {@code f(x) ·
   * dy}, which is a gated activation.
   */
  record Activation(Op.Activation forward, Slope slope, Buffer dy, Buffer dx)
      implements BackwardOp {
    public Activation {
      requireSame(forward.x(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Operand> reads() {
      Buffer up = forward.up();
      return up == null ? List.of(forward.x(), dy) : List.of(forward.x(), up, dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx);
    }
  }

  /** {@code dx = dy · W}. */
  record MatMul(Weights weights, Buffer dy, Buffer dx) implements BackwardOp {
    public MatMul {
      require(dx.rows() == dy.rows(), dx, "rows");
      require(weights.n() == dy.width() && weights.k() == dx.width(), dx, "shape");
    }

    @Override
    public List<Operand> reads() {
      return List.of(dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx);
    }
  }

  /**
   * The gradient of attention with respect to its queries. Adjacent rows of a sequence are
   * differentiated together: positions without a row among them are constants. The cache is F32.
   *
   * @param statistics receives what {@link KeyValue} needs of each query's softmax, [n, H · 3]
   */
  record Query(SequenceOp.Attention forward, Buffer dz, Buffer dq, Buffer statistics)
      implements BackwardOp {
    /** Floats of a query's statistics. */
    public static final int STATISTICS = 3;

    public Query {
      requireSame(forward.z(), dz);
      requireSame(forward.q(), dq);
      requireStatistics(forward, statistics);
    }

    private static void requireStatistics(SequenceOp.Attention forward, Buffer statistics) {
      require(
          statistics.rows() == Rows.TOKENS && statistics.width() == forward.heads() * STATISTICS,
          statistics,
          "shape");
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.q(), dz);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dq, statistics);
    }
  }

  /** The gradient of attention with respect to the keys and values of the rows themselves. */
  record KeyValue(SequenceOp.Attention forward, Buffer dz, Buffer statistics, Buffer dk, Buffer dv)
      implements BackwardOp {
    public KeyValue {
      requireSame(forward.z(), dz);
      Query.requireStatistics(forward, statistics);
      require(dk.rows() == Rows.TOKENS && dv.rows() == Rows.TOKENS, dk, "rows");
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.q(), dz, statistics);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dk, dv);
    }
  }

  /**
   * The gradient of a convolution. Adjacent rows of a sequence are differentiated together, as
   * those of {@link Query} are.
   */
  record Conv(SequenceOp.Conv forward, Buffer dy, Buffer dx) implements BackwardOp {
    public Conv {
      requireSame(forward.y(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Operand> reads() {
      return List.of(dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx);
    }
  }

  /**
   * All gradients of linear attention. Adjacent rows of a sequence are differentiated together, as
   * those of a text that begins with them.
   *
   * @param news receives what the updates are made of, {@code v − Sᵀ k} or v
   * @param gradients of what it reads forward
   */
  record Recurrence(
      SequenceOp.Recurrence forward, Buffer dz, Buffer news, SequenceOp.Recurrence.Inputs gradients)
      implements BackwardOp {
    public Recurrence {
      requireSame(forward.z(), dz);
      requireSame(forward.inputs().v(), news);
      for (int i = 0; i < gradients.all().size(); i++) {
        requireSame(forward.inputs().all().get(i), gradients.all().get(i));
      }
    }

    @Override
    public List<Operand> reads() {
      List<Operand> reads = new ArrayList<>(forward.inputs().all());
      reads.add(dz);
      return reads;
    }

    @Override
    public List<Operand> writes() {
      List<Operand> writes = new ArrayList<>(List.of(news));
      writes.addAll(gradients.all());
      return writes;
    }
  }

  /**
   * The gradient of a router's logits, for that of the weights; which experts are chosen counts as
   * a constant.
   */
  record Route(ExpertOp.Route forward, Buffer dWeights, Buffer dLogits) implements BackwardOp {
    public Route {
      requireSame(forward.weights(), dWeights);
      requireSame(forward.logits(), dLogits);
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.logits(), forward.experts(), forward.weights(), dWeights);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dLogits);
    }
  }

  /**
   * {@code dx = dy · W} of each slot with its expert's matrix. Where slots share a row of x, its
   * gradient is their {@link SlotSum}.
   *
   * @param dy [rows, k, N]
   * @param dx [rows, k, K]
   */
  record ExpertMatMul(ExpertOp.ExpertMatMul forward, Buffer dy, Buffer dx) implements BackwardOp {
    public ExpertMatMul {
      requireSame(forward.y(), dy);
      require(dx.rows() == dy.rows(), dx, "rows");
      require(dx.width() == forward.slots() * forward.k(), dx, "width");
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.experts(), dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx);
    }
  }

  /** The gradient of the weighted sum of a token's slots. */
  record ExpertSum(ExpertOp.ExpertSum forward, Buffer dy, Buffer dx, Buffer dWeights)
      implements BackwardOp {
    public ExpertSum {
      requireSame(forward.y(), dy);
      requireSame(forward.x(), dx);
      requireSame(forward.weights(), dWeights);
    }

    @Override
    public List<Operand> reads() {
      return List.of(forward.x(), forward.weights(), dy);
    }

    @Override
    public List<Operand> writes() {
      return List.of(dx, dWeights);
    }
  }

  /** {@code y[i] = Σ x[i][s]} over slots: x [rows, k, d], y [rows, d]. */
  record SlotSum(int slots, Buffer x, Buffer y) implements BackwardOp {
    public SlotSum {
      require(slots > 0 && x.rows() == y.rows(), y, "slots or rows");
      require(x.width() == slots * y.width(), y, "width");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }
}
