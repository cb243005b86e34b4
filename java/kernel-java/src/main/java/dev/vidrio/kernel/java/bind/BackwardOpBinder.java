package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.BoundOp;
import dev.vidrio.kernel.java.runtime.ExpertProduct;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.scalar.AttentionBackward;
import dev.vidrio.kernel.java.scalar.BackwardKernels;
import dev.vidrio.kernel.java.scalar.DiagonalRecurrenceBackward;
import dev.vidrio.kernel.java.scalar.ExpertsBackward;
import dev.vidrio.kernel.java.scalar.RecurrenceBackward;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Binds backward operations to memory, and divides their outputs among workers. All executors of
 * this module share one set of scalar kernels for them.
 */
final class BackwardOpBinder {
  private final Workspace workspace;
  private final KvCache cache;

  BackwardOpBinder(Workspace workspace, KvCache cache) {
    this.workspace = workspace;
    this.cache = cache;
  }

  BoundOp bind(BackwardOp op) {
    return switch (op) {
      case BackwardOp.Seed seed -> seed(seed);
      case BackwardOp.Scatter scatter -> scatter(scatter);
      case BackwardOp.Norm norm -> norm(norm);
      case BackwardOp.Activation activation -> activation(activation);
      case BackwardOp.MatMul matMul -> matMul(matMul);
      case BackwardOp.Query query -> query(query);
      case BackwardOp.KeyValue keys -> keyValue(keys);
      case BackwardOp.Conv conv -> conv(conv);
      case BackwardOp.Recurrence recurrence -> recurrence(recurrence);
      case BackwardOp.DiagonalRecurrence recurrence -> diagonalRecurrence(recurrence);
      case BackwardOp.Route route -> route(route);
      case BackwardOp.ExpertMatMul matMul -> expertMatMul(matMul);
      case BackwardOp.ExpertSum sum -> expertSum(sum);
      case BackwardOp.SlotSum sum -> slotSum(sum);
    };
  }

  private MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  private BoundOp seed(BackwardOp.Seed op) {
    MemorySegment y = data(op.y());
    int width = op.y().width();
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      long first = (long) share.begin(rows) * width;
      Elements.copy(op.values(), first, y, first, (long) share.end(rows) * width - first);
    };
  }

  private BoundOp scatter(BackwardOp.Scatter op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.tokenCount();
      BackwardKernels.scatter(batch, x, y, op.y().width(), share.begin(rows), share.end(rows));
    };
  }

  private BoundOp norm(BackwardOp.Norm op) {
    MemorySegment x = data(op.forward().x());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.rows(op.rows()), op.forward().heads());
      for (int head = share.begin(heads); head < share.end(heads); head++) {
        BackwardKernels.norm(op, x, dy, dx, head);
      }
    };
  }

  private BoundOp activation(BackwardOp.Activation op) {
    Buffer gated = op.forward().up();
    MemorySegment x = data(op.forward().x());
    @Nullable MemorySegment up = gated == null ? null : data(gated);
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      long width = op.dx().width();
      BackwardKernels.activation(
          op, x, up, dy, dx, share.begin(rows) * width, share.end(rows) * width);
    };
  }

  private BoundOp matMul(BackwardOp.MatMul op) {
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      for (int row = share.begin(rows); row < share.end(rows); row++) {
        BackwardKernels.matMul(op.weights(), dy, row, dx, row);
      }
    };
  }

  private BoundOp query(BackwardOp.Query op) {
    AttentionBackward attention = attention(op.forward(), op.dz(), op.statistics());
    MemorySegment dq = data(op.dq());
    return (kernels, batch, share) -> {
      for (int row = share.worker(); row < batch.tokenCount(); row += share.workers()) {
        attention.queries(batch, row, dq);
      }
    };
  }

  private BoundOp keyValue(BackwardOp.KeyValue op) {
    AttentionBackward attention = attention(op.forward(), op.dz(), op.statistics());
    MemorySegment dk = data(op.dk());
    MemorySegment dv = data(op.dv());
    return (kernels, batch, share) -> {
      for (int row = share.worker(); row < batch.tokenCount(); row += share.workers()) {
        attention.keyAndValue(batch, row, dk, dv);
      }
    };
  }

  private BoundOp conv(BackwardOp.Conv op) {
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return (kernels, batch, share) -> {
      int rows = batch.tokenCount();
      for (int row = share.begin(rows); row < share.end(rows); row++) {
        BackwardKernels.conv(op.forward(), batch, dy, dx, row);
      }
    };
  }

  /** Divides the key heads of each sequence among workers. */
  private BoundOp recurrence(BackwardOp.Recurrence op) {
    var recurrence = Recurrence.of(op.forward(), cache, this::data, op.dz());
    var gradients =
        new RecurrenceBackward.Gradients(
            data(op.gradients().q()),
            data(op.gradients().k()),
            data(op.gradients().v()),
            data(op.gradients().step()),
            data(op.gradients().beta()));
    MemorySegment residual = data(op.residual());
    return (kernels, batch, share) ->
        new RecurrenceBackward(recurrence, residual, gradients)
            .run(batch, share.worker(), share.workers());
  }

  /** Divides the columns, which are independent, among workers. */
  private BoundOp diagonalRecurrence(BackwardOp.DiagonalRecurrence op) {
    int width = op.dh().width();
    var recurrence =
        new DiagonalRecurrenceBackward(
            width,
            data(op.forward().decay()),
            data(op.forward().gate()),
            data(op.forward().x()),
            data(op.dh()),
            data(op.dDecay()),
            data(op.dGate()),
            data(op.dx()));
    return (kernels, batch, share) ->
        recurrence.run(batch, (int) share.begin(width, 16), (int) share.end(width, 16));
  }

  private BoundOp route(BackwardOp.Route op) {
    MemorySegment logits = data(op.forward().logits());
    MemorySegment experts = data(op.forward().experts());
    MemorySegment weights = data(op.forward().weights());
    MemorySegment dWeights = data(op.dWeights());
    MemorySegment dLogits = data(op.dLogits());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      for (int row = share.begin(rows); row < share.end(rows); row++) {
        ExpertsBackward.route(op, logits, experts, weights, dWeights, dLogits, row);
      }
    };
  }

  private BoundOp expertMatMul(BackwardOp.ExpertMatMul op) {
    MemorySegment experts = data(op.forward().experts());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return (kernels, batch, share) -> {
      int slots = Math.multiplyExact(batch.rows(op.rows()), op.forward().slots());
      for (int slot = share.begin(slots); slot < share.end(slots); slot++) {
        int expert = ExpertProduct.expert(experts, slot, op.forward().matrices().size());
        if (expert < 0) {
          long row = (long) op.forward().k() * Float.BYTES;
          dx.asSlice(slot * row, row).fill((byte) 0);
        } else {
          BackwardKernels.matMul(op.forward().matrices().get(expert), dy, slot, dx, slot);
        }
      }
    };
  }

  private BoundOp expertSum(BackwardOp.ExpertSum op) {
    MemorySegment x = data(op.forward().x());
    MemorySegment weights = data(op.forward().weights());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    MemorySegment dWeights = data(op.dWeights());
    return (kernels, batch, share) -> {
      int slots = Math.multiplyExact(batch.rows(op.rows()), op.forward().slots());
      for (int slot = share.begin(slots); slot < share.end(slots); slot++) {
        ExpertsBackward.sum(op, x, weights, dy, dx, dWeights, slot);
      }
    };
  }

  private BoundOp slotSum(BackwardOp.SlotSum op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      for (int row = share.begin(rows); row < share.end(rows); row++) {
        ExpertsBackward.slotSum(op, x, y, row);
      }
    };
  }

  private AttentionBackward attention(SequenceOp.Attention forward, Buffer dz, Buffer statistics) {
    if (cache.type() != KvType.F32) {
      throw new IllegalArgumentException(
          "gradients of attention are not supported for a key-value cache of "
              + cache.type()
              + "; use F32");
    }
    return new AttentionBackward(
        forward, KvLayer.of(cache, forward.layer()), data(forward.q()), data(dz), data(statistics));
  }
}
