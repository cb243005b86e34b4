package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ALL;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.shape;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The vector-Jacobian products of operations with respect to activations: {@code dy} is the
 * gradient of a scalar with respect to the result of an operation, {@code dx} that with respect to
 * its input. Weights are constants, and the quantization of activations counts as the identity (the
 * straight-through estimator, arXiv 1308.3432). {@link dev.vidrio.kernel.pass.Differentiation}
 * inserts them.
 *
 * <p>{@code forward} is the operation that is differentiated; {@link #withOperands} replaces its
 * operands too.
 */
public sealed interface BackwardOp extends Op {
  /**
   * Copies {@code values} to y: the gradient from which the others are computed.
   *
   * @param values [capacity of rows, width], f32 in memory of the executor, which the caller fills
   *     before the backward operations run
   */
  record Seed(MemorySegment values, Buffer y) implements BackwardOp {
    public Seed {
      long row = (long) y.width() * Float.BYTES;
      require(values.byteSize() > 0 && values.byteSize() % row == 0, y, "size of values");
    }

    @Override
    public List<Access> accesses() {
      return List.of(write(y, ROW));
    }
  }

  /** Adds x[i] to the row of the i-th token with requested logits; other rows of y are 0. */
  record Scatter(Buffer x, Buffer y) implements BackwardOp {
    public Scatter {
      require(x.rows() == Rows.LOGITS && y.rows() == Rows.TOKENS, y, "rows");
      require(x.width() == y.width(), y, "width");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ALL), write(y, ROW));
    }
  }

  /**
   * The gradient of a norm.
   *
   * @param frozen if true, the divisors count as constants
   */
  record Norm(Op.Norm forward, boolean frozen, Buffer dy, Buffer dx) implements BackwardOp {
    public Norm {
      requireSame(forward.x(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(forward.x(), ROW), read(dy, ROW), write(dx, ROW));
    }
  }

  /** The factor that replaces the derivative of an activation function f. */
  enum Slope {
    DERIVATIVE,
    /** {@code (f(x) − f(0)) / x}: the identity rule of arXiv 2402.05602, where f(0) is a bias. */
    SECANT
  }

  /**
   * The gradient of an activation with respect to its x. The gradient with respect to up is {@code
   * f(x) · dy}, which is a gated activation.
   */
  record Activation(Op.Activation forward, Slope slope, Buffer dy, Buffer dx)
      implements BackwardOp {
    public Activation {
      requireSame(forward.x(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Access> accesses() {
      Buffer up = forward.up();
      return up == null
          ? List.of(read(forward.x(), ROW), read(dy, ROW), write(dx, ROW))
          : List.of(read(forward.x(), ROW), read(up, ROW), read(dy, ROW), write(dx, ROW));
    }
  }

  /** Computes {@code dx = dy · W}. */
  record MatMul(Weights weights, Buffer dy, Buffer dx) implements BackwardOp {
    public MatMul {
      require(dx.rows() == dy.rows(), dx, "rows");
      require(weights.n() == dy.width() && weights.k() == dx.width(), dx, "shape");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(dy, ROW), write(dx, ROW));
    }
  }

  /**
   * The gradient of attention with respect to its queries. Adjacent rows of a sequence are
   * differentiated together: positions outside of them are constants. The cache must be F32, the
   * window not bidirectional and the bias not a table.
   *
   * @param statistics receives the statistics of each query's softmax that {@link KeyValue} reads,
   *     [n, H · 3]
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
          !forward.window().bidirectional(),
          statistics,
          "window: bidirectional attention has no gradient");
      require(
          !(forward.bias() instanceof PositionBias.Table),
          statistics,
          "bias: a table of biases has no gradient");
      require(
          statistics.rows() == Rows.TOKENS && statistics.width() == forward.heads() * STATISTICS,
          statistics,
          "shape");
    }

    @Override
    public List<Access> accesses() {
      return forward.cacheReadsAnd(
          read(forward.q(), ALL), read(dz, ALL), write(dq, ROW), write(statistics, ROW));
    }
  }

  /** The gradient of attention with respect to the keys and values of the rows of the step. */
  record KeyValue(SequenceOp.Attention forward, Buffer dz, Buffer statistics, Buffer dk, Buffer dv)
      implements BackwardOp {
    public KeyValue {
      requireSame(forward.z(), dz);
      Query.requireStatistics(forward, statistics);
      require(dk.rows() == Rows.TOKENS && dv.rows() == Rows.TOKENS, dk, "rows");
    }

    @Override
    public List<Access> accesses() {
      return forward.cacheReadsAnd(
          shape(forward.layer(), new Access.StoredKeys(dk.width())),
          shape(forward.layer(), new Access.StoredValues(dv.width())),
          read(forward.q(), ALL),
          read(dz, ALL),
          read(statistics, ALL),
          write(dk, ROW),
          write(dv, ROW));
    }
  }

  /**
   * The gradient of a convolution. Adjacent rows of a sequence are differentiated together, as in
   * {@link Query}.
   */
  record Conv(SequenceOp.Conv forward, Buffer dy, Buffer dx) implements BackwardOp {
    public Conv {
      requireSame(forward.y(), dy);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(dy, ALL), shape(forward.layer(), forward.cacheRows()), write(dx, ROW));
    }
  }

  /**
   * All gradients of linear attention. Adjacent rows of a sequence are differentiated together, as
   * if the sequence began with them.
   *
   * @param residual receives the factor of each update, {@code v − Sᵀ k} or v
   * @param gradients of the inputs of the forward operation
   */
  record Recurrence(
      SequenceOp.Recurrence forward,
      Buffer dz,
      Buffer residual,
      SequenceOp.Recurrence.Inputs<Buffer> gradients)
      implements BackwardOp {
    public Recurrence {
      requireSame(forward.z(), dz);
      requireSame(forward.inputs().v(), residual);
      for (int i = 0; i < gradients.all().size(); i++) {
        requireSame(forward.inputs().all().get(i), gradients.all().get(i));
      }
    }

    @Override
    public List<Access> accesses() {
      List<Access> accesses = new ArrayList<>();
      accesses.add(shape(forward.layer(), forward.states()));
      forward.inputs().all().forEach(x -> accesses.add(read(x, ALL)));
      accesses.add(read(dz, ALL));
      accesses.add(write(residual, ROW));
      gradients.all().forEach(dx -> accesses.add(write(dx, ROW)));
      return accesses;
    }
  }

  /**
   * All gradients of a recurrence of independent elements. Adjacent rows of a sequence are
   * differentiated together, as if the sequence began with them.
   */
  record DiagonalRecurrence(
      SequenceOp.DiagonalRecurrence forward, Buffer dh, Buffer dDecay, Buffer dGate, Buffer dx)
      implements BackwardOp {
    public DiagonalRecurrence {
      requireSame(forward.h(), dh);
      requireSame(forward.decay(), dDecay);
      requireSame(forward.gate(), dGate);
      requireSame(forward.x(), dx);
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(forward.decay(), ALL),
          read(forward.gate(), ALL),
          read(forward.x(), ALL),
          read(dh, ALL),
          write(dDecay, ROW),
          write(dGate, ROW),
          write(dx, ROW));
    }
  }

  /**
   * The gradient of a router with respect to its logits, given that with respect to its weights.
   * The selection of experts counts as a constant.
   */
  record Route(ExpertOp.Route forward, Buffer dWeights, Buffer dLogits) implements BackwardOp {
    public Route {
      requireSame(forward.weights(), dWeights);
      requireSame(forward.logits(), dLogits);
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(forward.logits(), ROW),
          read(forward.experts(), ROW),
          read(forward.weights(), ROW),
          read(dWeights, ROW),
          write(dLogits, ROW));
    }
  }

  /**
   * Computes {@code dx = dy · W} of each slot with its expert's matrix. If slots share a row of x,
   * its gradient is their {@link SlotSum}.
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
    public List<Access> accesses() {
      return List.of(read(forward.experts(), ROW), read(dy, ROW), write(dx, ROW));
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
    public List<Access> accesses() {
      return List.of(
          read(forward.x(), ROW),
          read(forward.weights(), ROW),
          read(dy, ROW),
          write(dx, ROW),
          write(dWeights, ROW));
    }
  }

  /** Computes {@code y[i] = Σ x[i][s]} over slots: x [rows, k, d], y [rows, d]. */
  record SlotSum(int slots, Buffer x, Buffer y) implements BackwardOp {
    public SlotSum {
      require(slots > 0 && x.rows() == y.rows(), y, "slots or rows");
      require(x.width() == slots * y.width(), y, "width");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW), write(y, ROW));
    }
  }
}
