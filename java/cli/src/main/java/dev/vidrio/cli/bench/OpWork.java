package dev.vidrio.cli.bench;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.EnumMap;
import java.util.Locale;

/**
 * The minimal work of operations.
 *
 * @param bytes bytes read from memory: weights, keys and values, states
 * @param operations multiplications and additions
 * @param kind the kind of the operations, or of most of them
 */
record OpWork(double bytes, double operations, Kind kind) {
  static final OpWork NONE = new OpWork(0, 0, Kind.F32);

  /** The operands of multiplications. */
  enum Kind {
    F32,
    INT8,
    BF16;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Returns the work of an operation in a step. */
  static OpWork of(Op op, Batch batch, KvShape shape, KvType kv) {
    return switch (op) {
      case Op.MatMul product -> forRows(tokenProduct(product), batch.rows(product.rows()));
      case ExpertOp.ExpertMatMul product ->
          forRows(tokenProduct(product), batch.rows(product.rows()));
      case SequenceOp.Attention attention -> attention(attention, batch, shape, kv);
      case SequenceOp.Recurrence recurrence -> recurrence(recurrence, batch, shape);
      default -> NONE;
    };
  }

  /** Returns the matrix products of the blocks for one prompt token. */
  static OpWork promptToken(Plan plan) {
    var operations = new EnumMap<Kind, Double>(Kind.class);
    for (Op op : plan.ops()) {
      if (op.rows() == Rows.TOKENS) {
        OpWork product = tokenProduct(op);
        operations.merge(product.kind, product.operations, Double::sum);
      }
    }
    return operations.entrySet().stream()
        .map(entry -> new OpWork(0, entry.getValue(), entry.getKey()))
        .reduce(NONE, OpWork::plus);
  }

  /** Returns the matrix product of one row, with the selected experts of a token. */
  private static OpWork tokenProduct(Op op) {
    return switch (op) {
      case Op.MatMul product -> product(product.weights(), product.arithmetic(), 1);
      case ExpertOp.ExpertMatMul product ->
          product(product.matrices().getFirst(), product.arithmetic(), product.slots());
      default -> NONE;
    };
  }

  private static OpWork product(Weights w, Arithmetic arithmetic, int count) {
    return new OpWork(
        (double) count * w.bytes(), 2.0 * count * w.n() * w.k(), kind(w.type(), arithmetic));
  }

  private static Kind kind(WeightType type, Arithmetic arithmetic) {
    if (arithmetic == Arithmetic.BF16) {
      return Kind.BF16;
    }
    return arithmetic.quantizes(type) ? Kind.INT8 : Kind.F32;
  }

  /** Scales the operations to several rows, which share the weights they read. */
  private static OpWork forRows(OpWork one, int rows) {
    return new OpWork(one.bytes, rows * one.operations, one.kind);
  }

  /** Counts one read of each sequence's cache, and two products per token and visible position. */
  private static OpWork attention(SequenceOp.Attention op, Batch batch, KvShape shape, KvType kv) {
    KvShape.KeyValue layer = shape.keyValue(op.layer());
    double read = 0;
    double seen = 0;
    int first = 0;
    for (int i = 0; i < batch.tokenCount(); i++) {
      int position = batch.position(i);
      boolean begins = i == 0 || batch.sequence(i) != batch.sequence(i - 1);
      first = begins ? op.window().first(position) : first;
      boolean ends = i + 1 == batch.tokenCount() || batch.sequence(i + 1) != batch.sequence(i);
      read += ends ? position + 1 - first : 0;
      seen += position + 1 - op.window().first(position);
    }
    return new OpWork(
        read * layer.heads() * (kv.bytes(layer.dH()) + kv.bytes(layer.dV())),
        seen * 2 * (op.q().width() + op.z().width()),
        Kind.F32);
  }

  /**
   * Counts one read of each sequence's state and stored span. Each token multiplies the state and
   * the span by its query, with the delta rule by its key too, and updates the state.
   */
  private static OpWork recurrence(SequenceOp.Recurrence op, Batch batch, KvShape shape) {
    KvShape.Recurrent layer = shape.recurrent(op.layer());
    double state = (double) layer.dK() * layer.dV();
    double kept = layer.dK() + layer.dV();
    int reads = op.update() == SequenceOp.Update.DELTA ? 2 : 1;
    double floats = 0;
    double products = 0;
    for (int i = 0; i < batch.tokenCount(); i++) {
      int inSpan = batch.position(i) % KvShape.Recurrent.SPAN;
      boolean begins = i == 0 || batch.sequence(i) != batch.sequence(i - 1);
      floats += begins ? state + inSpan * kept : 0;
      products += (reads + 1) * state + (reads * inSpan + 1) * kept;
    }
    return new OpWork(layer.heads() * floats * Float.BYTES, 2 * layer.heads() * products, Kind.F32);
  }

  /** Returns the bytes of a sequence's states, which each generated token reads. */
  static double stateBytes(KvShape shape) {
    return shape.layers().stream().mapToDouble(OpWork::stateFloats).sum() * Float.BYTES;
  }

  private static double stateFloats(KvShape.Layer layer) {
    return switch (layer) {
      case KvShape.Recurrent states -> (double) states.heads() * states.dK() * states.dV();
      case KvShape.Diagonal states -> states.width();
      case KvShape.KeyValue _, KvShape.Rows _, KvShape.Ring _ -> 0;
    };
  }

  /** Returns the sum, of the kind that has more operations. */
  OpWork plus(OpWork other) {
    return new OpWork(
        bytes + other.bytes,
        operations + other.operations,
        other.operations > operations ? other.kind : kind);
  }

  OpWork times(double factor) {
    return new OpWork(factor * bytes, factor * operations, kind);
  }
}
