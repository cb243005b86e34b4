package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KeptRows;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.java.runtime.Convolution;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.runtime.Rope;
import dev.vidrio.kernel.java.scalar.AttentionBackward;
import dev.vidrio.kernel.java.scalar.BackwardKernels;
import dev.vidrio.kernel.java.scalar.DiagonalRecurrence;
import dev.vidrio.kernel.java.scalar.DiagonalRecurrenceBackward;
import dev.vidrio.kernel.java.scalar.ExpertsBackward;
import dev.vidrio.kernel.java.scalar.HookKernels;
import dev.vidrio.kernel.java.scalar.RecurrenceBackward;
import dev.vidrio.kernel.java.scalar.ScalarExperts;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.scalar.UnfusedKernels;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Binds an operation to memory, once per plan, and divides its outputs among workers. It is long
 * because it has a method per operation. All executors of this module share the scalar kernels of
 * routing, hook points, unfused operations and gradients.
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
      case LowRankOp.Down down -> down(down);
      case LowRankOp.Up up -> up(up);
      case BackwardOp.Seed seed -> seed(seed);
      case BackwardOp.Scatter scatter -> scatter(scatter);
      case BackwardOp.Norm norm -> normBackward(norm);
      case BackwardOp.Activation activation -> activationBackward(activation);
      case BackwardOp.MatMul matMul -> matMulBackward(matMul);
      case BackwardOp.Query query -> queryBackward(query);
      case BackwardOp.KeyValue keys -> keyValueBackward(keys);
      case BackwardOp.Conv conv -> convBackward(conv);
      case BackwardOp.Recurrence recurrence -> recurrenceBackward(recurrence);
      case BackwardOp.DiagonalRecurrence recurrence -> diagonalRecurrenceBackward(recurrence);
      case BackwardOp.Route route -> routeBackward(route);
      case BackwardOp.ExpertMatMul matMul -> expertMatMulBackward(matMul);
      case BackwardOp.ExpertSum sum -> expertSumBackward(sum);
      case BackwardOp.SlotSum sum -> slotSum(sum);
    };
  }

  /** Computes items [begin, end) of an operation. */
  private interface Items {
    void run(ScalarKernels kernels, Batch batch, int begin, int end);
  }

  /** Computes item i of an operation. */
  private interface Item {
    void run(ScalarKernels kernels, Batch batch, int i);
  }

  /** Computes elements [begin, end) of an operation. */
  private interface Elementwise {
    void run(ScalarKernels kernels, long begin, long end);
  }

  /** Divides the items of an operation, {@code perRow} for each row, among workers. */
  private static BoundOp items(Op op, int perRow, Items items) {
    Rows rows = op.rows();
    return (kernels, batch, share) -> {
      int n = Math.multiplyExact(batch.rows(rows), perRow);
      items.run(kernels, batch, share.begin(n), share.end(n));
    };
  }

  /** Divides the items of an operation among workers, which compute them one by one. */
  private static BoundOp each(Op op, int perRow, Item item) {
    return items(
        op,
        perRow,
        (kernels, batch, begin, end) -> {
          for (int i = begin; i < end; i++) {
            item.run(kernels, batch, i);
          }
        });
  }

  /** Divides the elements of y among workers. */
  private static BoundOp elements(Buffer y, Elementwise elements) {
    return (kernels, batch, share) -> {
      long n = (long) batch.rows(y.rows()) * y.width();
      elements.run(kernels, share.begin(n, GRAIN), share.end(n, GRAIN));
    };
  }

  private MemorySegment data(Buffer buffer) {
    return workspace.segment(buffer);
  }

  private @Nullable MemorySegment dataOrNull(@Nullable Buffer buffer) {
    return buffer == null ? null : data(buffer);
  }

  private BoundOp embed(Op.Embed op) {
    MemorySegment y = data(op.y());
    return each(op, 1, (kernels, batch, row) -> kernels.embed(op, batch, y, row));
  }

  private BoundOp norm(Op.Norm op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    MemorySegment scales = dataOrNull(op.scale());
    return each(
        op,
        op.heads(),
        (kernels, batch, head) -> {
          float scale = kernels.norm(op, x, y, head);
          if (scales != null) {
            Elements.set(scales, head, scale);
          }
        });
  }

  private BoundOp quantize(Op.Quantize op) {
    MemorySegment x = data(op.x());
    Quantized y = workspace.segments(op.y());
    return items(
        op, op.y().blocks(), (kernels, batch, begin, end) -> kernels.quantize(x, y, begin, end));
  }

  private BoundOp matMul(Op.MatMul op) {
    if (op.weights().type().quantized() && op.weights().layout() != Weights.Layout.PACKED) {
      throw new IllegalArgumentException(
          op.weights().name()
              + ": unpacked quantized weights are supported by the native executor only");
    }
    MemorySegment y = data(op.y());
    Rows rows = op.rows();
    int groups = Packing.groups(op.weights().n());
    return switch (op.x()) {
      case Buffer buffer -> {
        MemorySegment x = data(buffer);
        yield (kernels, batch, share) ->
            kernels.matMul(
                op.arithmetic(),
                op.weights(),
                x,
                y,
                batch.rows(rows),
                share.begin(groups),
                share.end(groups));
      }
      case QuantizedBuffer buffer -> {
        Quantized x = workspace.segments(buffer);
        yield (kernels, batch, share) ->
            kernels.matMul(
                op.weights(), x, y, batch.rows(rows), share.begin(groups), share.end(groups));
      }
    };
  }

  private BoundOp rope(SequenceOp.Rope op) {
    var rope = new Rope(op, workspace.table(op.rotation()), data(op.x()), data(op.y()));
    return each(op, op.heads(), (kernels, batch, head) -> kernels.rope(rope, batch, head));
  }

  private BoundOp kvStore(SequenceOp.KvStore op) {
    MemorySegment k = data(op.k());
    MemorySegment v = data(op.v());
    KvLayer layer = KvLayer.of(cache, op.layer());
    return each(op, 1, (kernels, batch, row) -> layer.store(batch, row, k, v));
  }

  private BoundOp attention(SequenceOp.Attention op) {
    Attention attention = attention(op, op.z());
    return (kernels, batch, share) -> kernels.attention(attention, batch, share);
  }

  private Attention attention(SequenceOp.Attention op, Buffer z) {
    return new Attention(op, KvLayer.of(cache, op.layer()), data(op.q()), data(z));
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
        kernels.recurrence(recurrence, batch, share.begin(heads), share.end(heads));
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
    MemorySegment up = dataOrNull(op.up());
    MemorySegment y = data(op.y());
    return elements(
        op.y(), (kernels, begin, end) -> kernels.activation(op.kind(), x, up, y, begin, end));
  }

  private BoundOp add(Op.Add op) {
    MemorySegment a = data(op.a());
    MemorySegment b = data(op.b());
    MemorySegment y = data(op.y());
    return elements(
        op.y(), (kernels, begin, end) -> kernels.add(a, begin, b, begin, y, begin, end - begin));
  }

  private BoundOp addBias(Op.AddBias op) {
    MemorySegment a = data(op.a());
    MemorySegment b = op.bias().data();
    MemorySegment y = data(op.y());
    long width = op.y().width();
    return each(op, 1, (kernels, batch, i) -> kernels.add(a, i * width, b, 0, y, i * width, width));
  }

  private BoundOp scale(Op.Scale op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return elements(op.y(), (kernels, begin, end) -> kernels.scale(x, op.factor(), y, begin, end));
  }

  private BoundOp edit(HookOp.Edit op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return each(op, 1, (kernels, batch, i) -> HookKernels.edit(op, batch, x, y, i));
  }

  /** Divides the columns among workers, so that the order of each sum is fixed. */
  private BoundOp accumulate(HookOp.Accumulate op) {
    MemorySegment x = data(op.x());
    int width = op.x().width();
    return (kernels, batch, share) ->
        HookKernels.accumulate(op, batch, x, share.begin(width), share.end(width));
  }

  private BoundOp tap(HookOp.Tap op) {
    MemorySegment x = data(op.x());
    return each(op, 1, (kernels, batch, i) -> HookKernels.tap(op, batch, x, i));
  }

  private BoundOp gather(Op.Gather op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    int width = op.y().width();
    return each(op, 1, (kernels, batch, row) -> ScalarKernels.gather(batch, x, y, width, row));
  }

  private BoundOp route(ExpertOp.Route op) {
    MemorySegment logits = data(op.logits());
    MemorySegment experts = data(op.experts());
    MemorySegment weights = data(op.weights());
    return each(
        op, 1, (kernels, batch, row) -> ScalarExperts.route(op, logits, experts, weights, row));
  }

  private BoundOp expertMatMul(ExpertOp.ExpertMatMul op) {
    var product =
        switch (op.x()) {
          case Buffer buffer ->
              new ExpertProduct(op, data(op.experts()), data(buffer), data(op.y()));
          case QuantizedBuffer buffer ->
              new ExpertProduct(op, data(op.experts()), workspace.segments(buffer), data(op.y()));
        };
    Rows rows = op.rows();
    int groups = Packing.groups(op.n());
    return (kernels, batch, share) ->
        product.run(kernels, batch.rows(rows), share.begin(groups), share.end(groups));
  }

  private BoundOp expertSum(ExpertOp.ExpertSum op) {
    MemorySegment x = data(op.x());
    MemorySegment weights = data(op.weights());
    MemorySegment y = data(op.y());
    return each(op, 1, (kernels, batch, row) -> kernels.expertSum(op, x, weights, y, row, 0));
  }

  private BoundOp topK(Op.TopK op) {
    MemorySegment x = data(op.x());
    MemorySegment values = data(op.values());
    MemorySegment ids = data(op.ids());
    MemorySegment sums = data(op.sums());
    return each(op, 1, (kernels, batch, row) -> kernels.topK().row(op, x, values, ids, sums, row));
  }

  private BoundOp scores(UnfusedOp.Scores op) {
    MemorySegment q = data(op.q());
    MemorySegment y = data(op.y());
    KvLayer layer = KvLayer.of(cache, op.layer());
    return items(
        op,
        op.heads(),
        (kernels, batch, begin, end) -> UnfusedKernels.scores(op, layer, batch, q, y, begin, end));
  }

  private BoundOp softmax(UnfusedOp.Softmax op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return items(
        op,
        op.heads(),
        (kernels, batch, begin, end) -> UnfusedKernels.softmax(op, batch, x, y, begin, end));
  }

  private BoundOp weightedValues(UnfusedOp.WeightedValues op) {
    var operands =
        new UnfusedKernels.Operands(
            data(op.pattern()), data(op.softmax()), data(op.attention()), data(op.z()));
    KvLayer layer = KvLayer.of(cache, op.layer());
    return items(
        op,
        op.heads(),
        (kernels, batch, begin, end) ->
            UnfusedKernels.weightedValues(op, layer, batch, operands, begin, end));
  }

  private BoundOp normalize(UnfusedOp.Normalize op) {
    MemorySegment x = data(op.x());
    MemorySegment divisors = data(op.divisors());
    MemorySegment y = data(op.y());
    return items(
        op,
        op.heads(),
        (kernels, batch, begin, end) -> UnfusedKernels.normalize(op, x, divisors, y, begin, end));
  }

  private BoundOp gain(UnfusedOp.Gain op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return elements(op.y(), (kernels, begin, end) -> UnfusedKernels.gain(op, x, y, begin, end));
  }

  private BoundOp down(LowRankOp.Down op) {
    MemorySegment u = data(op.u());
    MemorySegment t = data(op.t());
    int width = op.t().width();
    return items(
        op,
        1,
        (kernels, batch, begin, last) -> {
          for (int row = begin, end; row < last; row = end) {
            end = endOfSequence(op, batch, row, last);
            int sequence = sequence(op, batch, row);
            LowRank update = op.table().updateOf(sequence, op.matrix());
            if (update != null) {
              float s = update.scale() * op.table().strength(sequence);
              MemorySegment rows = t.asSlice((long) row * width * Float.BYTES);
              MemorySegment from = u.asSlice((long) row * update.k() * Float.BYTES);
              kernels.matMul(update.a(), from, rows, end - row, 0, Packing.groups(update.rank()));
              spread(rows, end - row, update.rank(), width, s);
            }
          }
        });
  }

  /**
   * Multiplies rows [rows, r] by s and spreads them in place, the last one first, to [rows, width].
   */
  private static void spread(MemorySegment t, int rows, int r, int width, float s) {
    for (long i = rows - 1L; i >= 0; i--) {
      for (long j = r - 1L; j >= 0; j--) {
        Elements.set(t, i * width + j, s * Elements.get(t, i * r + j));
      }
    }
  }

  private BoundOp up(LowRankOp.Up op) {
    MemorySegment x = data(op.x());
    MemorySegment t = data(op.t());
    MemorySegment y = data(op.y());
    int n = op.y().width();
    int width = op.t().width();
    return each(
        op,
        1,
        (kernels, batch, row) -> {
          long at = (long) row * n;
          LowRank update = op.table().updateOf(sequence(op, batch, row), op.matrix());
          if (update == null) {
            Elements.copy(x, at, y, at, n);
          } else {
            kernels.lowRankUp(update, x, at, t, (long) row * width, y, 0);
          }
        });
  }

  private static int sequence(Op op, Batch batch, int row) {
    return batch.sequence(batch.tokenRow(op.rows(), row));
  }

  /** Returns the end of the rows from {@code begin} on that belong to the sequence of the first. */
  private static int endOfSequence(Op op, Batch batch, int begin, int end) {
    int row = begin + 1;
    while (row < end && sequence(op, batch, row) == sequence(op, batch, begin)) {
      row++;
    }
    return row;
  }

  private BoundOp seed(BackwardOp.Seed op) {
    MemorySegment y = data(op.y());
    return elements(
        op.y(), (kernels, begin, end) -> Elements.copy(op.values(), begin, y, begin, end - begin));
  }

  private BoundOp scatter(BackwardOp.Scatter op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return items(
        op,
        1,
        (kernels, batch, begin, end) ->
            BackwardKernels.scatter(batch, x, y, op.y().width(), begin, end));
  }

  private BoundOp normBackward(BackwardOp.Norm op) {
    MemorySegment x = data(op.forward().x());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return each(
        op,
        op.forward().heads(),
        (kernels, batch, head) -> BackwardKernels.norm(op, x, dy, dx, head));
  }

  private BoundOp activationBackward(BackwardOp.Activation op) {
    MemorySegment x = data(op.forward().x());
    MemorySegment up = dataOrNull(op.forward().up());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return elements(
        op.dx(),
        (kernels, begin, end) -> BackwardKernels.activation(op, x, up, dy, dx, begin, end));
  }

  private BoundOp matMulBackward(BackwardOp.MatMul op) {
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return each(
        op, 1, (kernels, batch, row) -> BackwardKernels.matMul(op.weights(), dy, row, dx, row));
  }

  private BoundOp queryBackward(BackwardOp.Query op) {
    AttentionBackward attention = attentionBackward(op.forward(), op.dz(), op.statistics());
    MemorySegment dq = data(op.dq());
    return interleaved((batch, row) -> attention.queries(batch, row, dq));
  }

  private BoundOp keyValueBackward(BackwardOp.KeyValue op) {
    AttentionBackward attention = attentionBackward(op.forward(), op.dz(), op.statistics());
    MemorySegment dk = data(op.dk());
    MemorySegment dv = data(op.dv());
    return interleaved((batch, row) -> attention.keyAndValue(batch, row, dk, dv));
  }

  private AttentionBackward attentionBackward(
      SequenceOp.Attention forward, Buffer dz, Buffer statistics) {
    if (cache.type() != KvType.F32) {
      throw new IllegalArgumentException(
          "gradients of attention are not supported for a key-value cache of "
              + cache.type()
              + "; use F32");
    }
    return new AttentionBackward(attention(forward, dz), data(statistics));
  }

  /** Interleaves tokens among workers, since the work depends on the position. */
  private static BoundOp interleaved(ObjIntConsumer<Batch> token) {
    return (kernels, batch, share) -> {
      for (int row = share.worker(); row < batch.tokenCount(); row += share.workers()) {
        token.accept(batch, row);
      }
    };
  }

  private BoundOp convBackward(BackwardOp.Conv op) {
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    return each(
        op, 1, (kernels, batch, row) -> BackwardKernels.conv(op.forward(), batch, dy, dx, row));
  }

  /** Divides the key heads of each sequence among workers. */
  private BoundOp recurrenceBackward(BackwardOp.Recurrence op) {
    var recurrence = Recurrence.of(op.forward(), cache, this::data, op.dz());
    SequenceOp.Recurrence.Inputs<MemorySegment> gradients = op.gradients().map(this::data);
    MemorySegment residual = data(op.residual());
    return (kernels, batch, share) ->
        new RecurrenceBackward(recurrence, residual, gradients)
            .run(batch, share.worker(), share.workers());
  }

  /** Divides the columns, which are independent, among workers. */
  private BoundOp diagonalRecurrenceBackward(BackwardOp.DiagonalRecurrence op) {
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
        recurrence.run(batch, (int) share.begin(width, GRAIN), (int) share.end(width, GRAIN));
  }

  private BoundOp routeBackward(BackwardOp.Route op) {
    MemorySegment logits = data(op.forward().logits());
    MemorySegment experts = data(op.forward().experts());
    MemorySegment weights = data(op.forward().weights());
    MemorySegment dWeights = data(op.dWeights());
    MemorySegment dLogits = data(op.dLogits());
    return each(
        op,
        1,
        (kernels, batch, row) ->
            ExpertsBackward.route(op, logits, experts, weights, dWeights, dLogits, row));
  }

  private BoundOp expertMatMulBackward(BackwardOp.ExpertMatMul op) {
    ExpertOp.ExpertMatMul forward = op.forward();
    MemorySegment experts = data(forward.experts());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    long bytes = (long) forward.k() * Float.BYTES;
    return each(
        op,
        forward.slots(),
        (kernels, batch, slot) -> {
          int expert = ScalarExperts.expert(experts, slot, forward.matrices().size());
          if (expert < 0) {
            dx.asSlice(slot * bytes, bytes).fill((byte) 0);
          } else {
            BackwardKernels.matMul(forward.matrices().get(expert), dy, slot, dx, slot);
          }
        });
  }

  private BoundOp expertSumBackward(BackwardOp.ExpertSum op) {
    MemorySegment x = data(op.forward().x());
    MemorySegment weights = data(op.forward().weights());
    MemorySegment dy = data(op.dy());
    MemorySegment dx = data(op.dx());
    MemorySegment dWeights = data(op.dWeights());
    return each(
        op,
        op.forward().slots(),
        (kernels, batch, slot) -> ExpertsBackward.sum(op, x, weights, dy, dx, dWeights, slot));
  }

  private BoundOp slotSum(BackwardOp.SlotSum op) {
    MemorySegment x = data(op.x());
    MemorySegment y = data(op.y());
    return each(op, 1, (kernels, batch, row) -> ExpertsBackward.slotSum(op, x, y, row));
  }
}
