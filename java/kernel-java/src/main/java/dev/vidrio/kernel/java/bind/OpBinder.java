package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KeptRows;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.BoundOp;
import dev.vidrio.kernel.java.runtime.Convolution;
import dev.vidrio.kernel.java.runtime.ExpertProduct;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.scalar.DiagonalRecurrence;
import dev.vidrio.kernel.java.scalar.UnfusedKernels;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Binds an operation to memory, once per plan, and divides its outputs among workers. It is long
 * because it has a method per forward operation.
 */
public final class OpBinder {
  /** Elements of a cache line, which is never divided among workers. */
  private static final int GRAIN = 16;

  private final Workspace workspace;
  private final KvCache cache;

  public OpBinder(Workspace workspace, KvCache cache) {
    this.workspace = workspace;
    this.cache = cache;
  }

  public BoundOp bind(Op op) {
    return switch (op) {
      case Op.Embed embed -> embed(embed);
      case Op.Norm norm -> norm(norm);
      case Op.Quantize quantize -> quantize(quantize);
      case Op.MatMul matMul -> matMul(matMul);
      case SequenceOp.Rope rope -> rope(rope);
      case SequenceOp.KvStore store -> kvStore(store);
      case SequenceOp.Attention attention -> attention(attention);
      case SequenceOp.Conv conv -> conv(conv);
      case SequenceOp.Recurrence recurrence -> recurrence(recurrence);
      case SequenceOp.DiagonalRecurrence recurrence -> diagonalRecurrence(recurrence);
      case Op.Activation activation -> activation(activation);
      case Op.Add add -> add(add);
      case Op.AddBias add -> addBias(add);
      case Op.Scale scale -> scale(scale);
      case HookOp.Edit edit -> edit(edit);
      case HookOp.Tap tap -> tap(tap);
      case HookOp.Accumulate accumulate -> accumulate(accumulate);
      case Op.Gather gather -> gather(gather);
      case ExpertOp.Route route -> route(route);
      case ExpertOp.ExpertMatMul matMul -> expertMatMul(matMul);
      case ExpertOp.ExpertSum sum -> expertSum(sum);
      case Op.TopK topK -> topK(topK);
      case UnfusedOp.Scores scores -> scores(scores);
      case UnfusedOp.Softmax softmax -> softmax(softmax);
      case UnfusedOp.WeightedValues values -> weightedValues(values);
      case UnfusedOp.Normalize normalize -> normalize(normalize);
      case UnfusedOp.Gain gain -> gain(gain);
      case LowRankOp adapter -> new LowRankOpBinder(workspace).bind(adapter);
      case BackwardOp backward -> new BackwardOpBinder(workspace, cache).bind(backward);
    };
  }

  private MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  private static long elements(Buffer buffer, Batch batch) {
    return (long) batch.rows(buffer.rows()) * buffer.width();
  }

  private BoundOp embed(Op.Embed op) {
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.tokenCount();
      kernels.embed(op, batch, y, share.begin(rows), share.end(rows));
    };
  }

  private BoundOp norm(Op.Norm op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    @Nullable MemorySegment scale = op.scale() == null ? null : data(op.scale());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.rows(op.rows()), op.heads());
      kernels.norm(op, x, y, scale, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp quantize(Op.Quantize op) {
    MemorySegment x = data(op.x());
    Quantized y = workspace.segments(op.y());
    return (kernels, batch, share) -> {
      int blocks = Math.multiplyExact(batch.rows(op.rows()), op.y().blocks());
      kernels.quantize(x, y, share.begin(blocks), share.end(blocks));
    };
  }

  private BoundOp matMul(Op.MatMul op) {
    if (op.weights().type().quantized() && op.weights().layout() != Weights.Layout.PACKED) {
      throw new IllegalArgumentException(
          op.weights().name()
              + ": unpacked quantized weights are supported by the native executor only");
    }
    MemorySegment y = data(op.y());
    int groups = Packing.groups(op.weights().n());
    return switch (op.x()) {
      case Buffer buffer -> {
        MemorySegment x = data(buffer);
        yield (kernels, batch, share) ->
            kernels.matMul(
                op.weights(), x, y, batch.rows(op.rows()), share.begin(groups), share.end(groups));
      }
      case QuantizedBuffer buffer -> {
        Quantized x = workspace.segments(buffer);
        yield (kernels, batch, share) ->
            kernels.matMul(
                op.weights(), x, y, batch.rows(op.rows()), share.begin(groups), share.end(groups));
      }
    };
  }

  private BoundOp rope(SequenceOp.Rope op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    RotationTable table = workspace.table(op.rotation());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.tokenCount(), op.heads());
      kernels.rope(op, table, batch, x, y, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp kvStore(SequenceOp.KvStore op) {
    MemorySegment k = data(op.k());
    MemorySegment v = data(op.v());
    KvLayer layer = KvLayer.of(cache, op.layer());
    return (kernels, batch, share) -> {
      int tokens = batch.tokenCount();
      kernels.kvStore(layer, batch, k, v, share.begin(tokens), share.end(tokens));
    };
  }

  private BoundOp attention(SequenceOp.Attention op) {
    MemorySegment q = data(op.q());
    MemorySegment z = data(op.z());
    KvLayer layer = KvLayer.of(cache, op.layer());
    return (kernels, batch, share) -> kernels.attention(op, layer, batch, q, z, share);
  }

  /** Divides the columns, which are independent, among workers. */
  private BoundOp conv(SequenceOp.Conv op) {
    int width = op.y().width();
    KeptRows rows = KeptRows.of(cache, op.layer(), op.part(), width);
    var conv = new Convolution(op, rows, data(op.x()), data(op.y()));
    return (kernels, batch, share) ->
        kernels.conv(conv, batch, (int) share.begin(width, GRAIN), (int) share.end(width, GRAIN));
  }

  /** Divides the heads, which are independent, among workers. */
  private BoundOp recurrence(SequenceOp.Recurrence op) {
    var recurrence = Recurrence.of(op, cache, this::data, op.z());
    int heads = recurrence.heads();
    return (kernels, batch, share) ->
        kernels.recurrence(
            recurrence, batch, (int) share.begin(heads, 1), (int) share.end(heads, 1));
  }

  /** Divides the columns, which are independent, among workers. */
  private BoundOp diagonalRecurrence(SequenceOp.DiagonalRecurrence op) {
    int width = op.h().width();
    var recurrence =
        new DiagonalRecurrence(
            KeptRows.ofStates(cache, op.layer(), width),
            data(op.decay()),
            data(op.gate()),
            data(op.x()),
            data(op.h()));
    return (kernels, batch, share) ->
        recurrence.run(batch, (int) share.begin(width, GRAIN), (int) share.end(width, GRAIN));
  }

  private BoundOp activation(Op.Activation op) {
    MemorySegment x = data(op.x());
    @Nullable MemorySegment up = op.up() == null ? null : data(op.up());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      long n = elements(op.y(), batch);
      kernels.activation(op.kind(), x, up, y, share.begin(n, GRAIN), share.end(n, GRAIN));
    };
  }

  private BoundOp add(Op.Add op) {
    MemorySegment a = data(op.a());
    MemorySegment b = data(op.b());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      long n = elements(op.y(), batch);
      kernels.add(a, b, y, share.begin(n, GRAIN), share.end(n, GRAIN));
    };
  }

  private BoundOp addBias(Op.AddBias op) {
    MemorySegment a = data(op.a());
    MemorySegment b = op.bias().data();
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.addBias(a, b, y, share.begin(rows), share.end(rows));
    };
  }

  private BoundOp scale(Op.Scale op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      long n = elements(op.y(), batch);
      kernels.scale(x, op.factor(), y, share.begin(n, GRAIN), share.end(n, GRAIN));
    };
  }

  private BoundOp edit(HookOp.Edit op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.edit(op, batch, x, y, share.begin(rows), share.end(rows));
    };
  }

  /** Divides the columns among workers, so that the order of each sum is fixed. */
  private BoundOp accumulate(HookOp.Accumulate op) {
    MemorySegment x = data(op.x());
    int width = op.x().width();
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      for (int i = 0; i < rows; i++) {
        int slot = op.statistics().slot(batch.sequence(batch.tokenRow(op.rows(), i)));
        for (int j = share.begin(width); j < share.end(width) && slot >= 0; j++) {
          op.statistics().add(slot, j, Elements.get(x, (long) i * width + j));
        }
      }
    };
  }

  private BoundOp tap(HookOp.Tap op) {
    MemorySegment x = data(op.x());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.tap(op, batch, x, share.begin(rows), share.end(rows));
    };
  }

  private BoundOp gather(Op.Gather op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.logitCount();
      kernels.gather(batch, x, y, op.y().width(), share.begin(rows), share.end(rows));
    };
  }

  private BoundOp route(ExpertOp.Route op) {
    MemorySegment logits = data(op.logits());
    MemorySegment experts = data(op.experts());
    MemorySegment weights = data(op.weights());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.route(op, logits, experts, weights, share.begin(rows), share.end(rows));
    };
  }

  private BoundOp expertMatMul(ExpertOp.ExpertMatMul op) {
    var product =
        switch (op.x()) {
          case Buffer buffer ->
              new ExpertProduct(op, data(op.experts()), data(buffer), data(op.y()));
          case QuantizedBuffer buffer ->
              new ExpertProduct(op, data(op.experts()), workspace.segments(buffer), data(op.y()));
        };
    int groups = Packing.groups(op.n());
    return (kernels, batch, share) ->
        product.run(kernels, batch.rows(op.rows()), share.begin(groups), share.end(groups));
  }

  private BoundOp expertSum(ExpertOp.ExpertSum op) {
    MemorySegment x = data(op.x());
    MemorySegment weights = data(op.weights());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.expertSum(op, x, weights, y, share.begin(rows), share.end(rows));
    };
  }

  private BoundOp scores(UnfusedOp.Scores op) {
    MemorySegment q = data(op.q());
    MemorySegment y = data(op.y());
    KvLayer layer = KvLayer.of(cache, op.layer());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.tokenCount(), op.heads());
      UnfusedKernels.scores(op, layer, batch, q, y, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp softmax(UnfusedOp.Softmax op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.tokenCount(), op.heads());
      UnfusedKernels.softmax(op, batch, x, y, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp weightedValues(UnfusedOp.WeightedValues op) {
    var operands =
        new UnfusedKernels.Operands(
            data(op.pattern()), data(op.softmax()), data(op.attention()), data(op.z()));
    KvLayer layer = KvLayer.of(cache, op.layer());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.tokenCount(), op.heads());
      UnfusedKernels.weightedValues(
          op, layer, batch, operands, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp normalize(UnfusedOp.Normalize op) {
    MemorySegment x = data(op.x());
    MemorySegment divisors = data(op.divisors());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      int heads = Math.multiplyExact(batch.rows(op.rows()), op.heads());
      UnfusedKernels.normalize(op, x, divisors, y, share.begin(heads), share.end(heads));
    };
  }

  private BoundOp gain(UnfusedOp.Gain op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return (kernels, batch, share) -> {
      long n = elements(op.y(), batch);
      UnfusedKernels.gain(op, x, y, share.begin(n, GRAIN), share.end(n, GRAIN));
    };
  }

  private BoundOp topK(Op.TopK op) {
    MemorySegment x = data(op.x());
    MemorySegment values = data(op.values());
    MemorySegment ids = data(op.ids());
    MemorySegment sums = data(op.sums());
    return (kernels, batch, share) -> {
      int rows = batch.rows(op.rows());
      kernels.topK(op, x, values, ids, sums, share.begin(rows), share.end(rows));
    };
  }
}
