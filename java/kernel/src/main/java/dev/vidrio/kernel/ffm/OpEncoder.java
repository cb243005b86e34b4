package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_accumulate;
import dev.vidrio.bindings.vd_activation;
import dev.vidrio.bindings.vd_activation_backward;
import dev.vidrio.bindings.vd_add;
import dev.vidrio.bindings.vd_attention;
import dev.vidrio.bindings.vd_attention_backward;
import dev.vidrio.bindings.vd_attention_values;
import dev.vidrio.bindings.vd_conv;
import dev.vidrio.bindings.vd_conv_backward;
import dev.vidrio.bindings.vd_diagonal_recurrence;
import dev.vidrio.bindings.vd_diagonal_recurrence_backward;
import dev.vidrio.bindings.vd_edit;
import dev.vidrio.bindings.vd_embed;
import dev.vidrio.bindings.vd_expert_matmul;
import dev.vidrio.bindings.vd_expert_matmul_backward;
import dev.vidrio.bindings.vd_expert_sum;
import dev.vidrio.bindings.vd_expert_sum_backward;
import dev.vidrio.bindings.vd_gain;
import dev.vidrio.bindings.vd_gather;
import dev.vidrio.bindings.vd_kv_store;
import dev.vidrio.bindings.vd_low_rank_down;
import dev.vidrio.bindings.vd_low_rank_up;
import dev.vidrio.bindings.vd_matmul;
import dev.vidrio.bindings.vd_matmul_backward;
import dev.vidrio.bindings.vd_norm;
import dev.vidrio.bindings.vd_norm_backward;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_quantize;
import dev.vidrio.bindings.vd_recurrence;
import dev.vidrio.bindings.vd_recurrence_backward;
import dev.vidrio.bindings.vd_rope;
import dev.vidrio.bindings.vd_route;
import dev.vidrio.bindings.vd_route_backward;
import dev.vidrio.bindings.vd_scale;
import dev.vidrio.bindings.vd_scatter;
import dev.vidrio.bindings.vd_scores;
import dev.vidrio.bindings.vd_slot_sum;
import dev.vidrio.bindings.vd_softmax;
import dev.vidrio.bindings.vd_tap;
import dev.vidrio.bindings.vd_top_k;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.DeferredPacking;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes an operation into the union of a vd_op: one method per operation, which fills in the
 * struct of the C API and returns the {@code VD_OP_*} kind. It is long because it lists all
 * operations.
 */
final class OpEncoder {
  private final NativeOperands memory;
  private final boolean described;
  private final Map<LowRankTable, LowRankEntries> adapters = new HashMap<>();
  private final List<Runnable> updates = new ArrayList<>();
  private final List<DeferredPacking> deferred = new ArrayList<>();

  /**
   * @param described whether the plan never runs: a matrix that is not packed yet then has the
   *     address of the memory that is reserved for it
   */
  OpEncoder(NativeOperands memory, boolean described) {
    this.memory = memory;
    this.described = described;
  }

  /** Returns the updates of tables that may change between steps, to be run before each step. */
  List<Runnable> updates() {
    return updates;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  int encode(Op op, MemorySegment as) {
    return switch (op) {
      case Op.Embed embed -> embed(embed, vd_op.as.embed(as));
      case Op.Norm norm -> norm(norm, vd_op.as.norm(as));
      case Op.Quantize quantize -> quantize(quantize, vd_op.as.quantize(as));
      case Op.MatMul matMul -> matMul(matMul, vd_op.as.matmul(as));
      case SequenceOp.Rope rope -> rope(rope, vd_op.as.rope(as));
      case SequenceOp.KvStore store -> kvStore(store, vd_op.as.kv_store(as));
      case SequenceOp.Attention attention -> attention(attention, vd_op.as.attention(as));
      case SequenceOp.Conv conv -> conv(conv, vd_op.as.conv(as));
      case SequenceOp.Recurrence recurrence -> recurrence(recurrence, vd_op.as.recurrence(as));
      case SequenceOp.DiagonalRecurrence recurrence ->
          diagonalRecurrence(recurrence, vd_op.as.diagonal_recurrence(as));
      case Op.Activation activation -> activation(activation, vd_op.as.activation(as));
      case Op.Add add -> add(add.a(), memory.address(add.b()), add.y(), 0, vd_op.as.add(as));
      case Op.AddBias add -> add(add.a(), memory.address(add.bias()), add.y(), 1, vd_op.as.add(as));
      case Op.Scale scale -> scale(scale, vd_op.as.scale(as));
      case Op.Gather gather -> gather(gather, vd_op.as.gather(as));
      case ExpertOp.Route route -> route(route, vd_op.as.route(as));
      case ExpertOp.ExpertMatMul matMul -> expertMatMul(matMul, vd_op.as.expert_matmul(as));
      case ExpertOp.ExpertSum sum -> expertSum(sum, vd_op.as.expert_sum(as));
      case Op.TopK topK -> topK(topK, vd_op.as.top_k(as));
      case UnfusedOp.Scores scores -> scores(scores, vd_op.as.scores(as));
      case UnfusedOp.Softmax softmax -> softmax(softmax, vd_op.as.softmax(as));
      case UnfusedOp.WeightedValues values -> weightedValues(values, vd_op.as.attention_values(as));
      case UnfusedOp.Normalize normalize -> normalize(normalize, vd_op.as.norm(as));
      case UnfusedOp.Gain gain -> gain(gain, vd_op.as.gain(as));
      case LowRankOp.Down down -> down(down, vd_op.as.low_rank_down(as));
      case LowRankOp.Up up -> up(up, vd_op.as.low_rank_up(as));
      case HookOp.Edit edit -> edit(edit, vd_op.as.edit(as));
      case HookOp.Tap tap -> tap(tap, vd_op.as.tap(as));
      case HookOp.Accumulate accumulate -> accumulate(accumulate, vd_op.as.accumulate(as));
      case BackwardOp.Seed seed -> seed(seed, vd_op.as.scale(as));
      case BackwardOp.Scatter scatter -> scatter(scatter, vd_op.as.scatter(as));
      case BackwardOp.Norm norm -> normBackward(norm, vd_op.as.norm_backward(as));
      case BackwardOp.Activation a -> activationBackward(a, vd_op.as.activation_backward(as));
      case BackwardOp.MatMul matMul -> matMulBackward(matMul, vd_op.as.matmul_backward(as));
      case BackwardOp.Query query -> query(query, vd_op.as.attention_backward(as));
      case BackwardOp.KeyValue keys -> keyValue(keys, vd_op.as.attention_backward(as));
      case BackwardOp.Conv conv -> convBackward(conv, vd_op.as.conv_backward(as));
      case BackwardOp.Recurrence r -> recurrenceBackward(r, vd_op.as.recurrence_backward(as));
      case BackwardOp.DiagonalRecurrence r ->
          diagonalRecurrenceBackward(r, vd_op.as.diagonal_recurrence_backward(as));
      case BackwardOp.Route route -> routeBackward(route, vd_op.as.route_backward(as));
      case BackwardOp.ExpertMatMul matMul ->
          expertMatMulBackward(matMul, vd_op.as.expert_matmul_backward(as));
      case BackwardOp.ExpertSum sum -> expertSumBackward(sum, vd_op.as.expert_sum_backward(as));
      case BackwardOp.SlotSum sum -> slotSum(sum, vd_op.as.slot_sum(as));
    };
  }

  private int embed(Op.Embed op, MemorySegment s) {
    vd_embed.table(s, memory.address(op.table()));
    vd_embed.y(s, memory.address(op.y()));
    vd_embed.type(s, op.table().type().id());
    vd_embed.V(s, op.table().n());
    vd_embed.d(s, op.table().k());
    vd_embed.index(
        s,
        switch (op.index()) {
          case TOKENS -> Vidrio.VD_EMBED_TOKENS();
          case POSITIONS -> Vidrio.VD_EMBED_POSITIONS();
          case TYPES -> Vidrio.VD_EMBED_TYPES();
        });
    vd_embed.offset(s, op.offset());
    vd_embed.skip(s, op.skip());
    return Vidrio.VD_OP_EMBED();
  }

  private int norm(Op.Norm op, MemorySegment s) {
    vd_norm.x(s, memory.address(op.x()));
    vd_norm.gain(s, memory.address(op.gain()));
    vd_norm.bias(s, memory.address(op.bias()));
    vd_norm.y(s, memory.address(op.y()));
    vd_norm.scale(s, op.scale() == null ? MemorySegment.NULL : memory.address(op.scale()));
    vd_norm.kind(s, kind(op.kind()));
    vd_norm.heads(s, op.heads());
    vd_norm.d(s, op.d());
    vd_norm.per_head(s, op.perHead() ? 1 : 0);
    vd_norm.epsilon(s, op.epsilon());
    return Vidrio.VD_OP_NORM();
  }

  private static int kind(Op.NormKind kind) {
    return switch (kind) {
      case RMS -> Vidrio.VD_NORM_RMS();
      case LAYER -> Vidrio.VD_NORM_LAYER();
    };
  }

  private int quantize(Op.Quantize op, MemorySegment s) {
    vd_quantize.x(s, memory.address(op.x()));
    memory.quantized(op.y(), vd_quantize.y(s));
    vd_quantize.K(s, op.x().width());
    return Vidrio.VD_OP_QUANTIZE();
  }

  /** Returns the packings of matrices that are multiplied in row layout until they are packed. */
  List<DeferredPacking> deferred() {
    return deferred;
  }

  private int matMul(Op.MatMul op, MemorySegment s) {
    Weights weights = op.weights();
    DeferredPacking packing = weights.deferred();
    boolean unpacked = weights.layout() == Weights.Layout.ROWS && weights.type().quantized();
    if (packing == null || packing.isDue()) {
      vd_matmul.weights(s, memory.address(weights));
    } else if (described) {
      vd_matmul.weights(s, packing.reserved());
    } else {
      vd_matmul.weights(s, memory.rows(weights, packing));
      if (!packing.keepsRows()) {
        deferred.add(packing);
      }
      unpacked = true;
    }
    switch (op.x()) {
      case Buffer x -> vd_matmul.x(s, memory.address(x));
      case QuantizedBuffer x -> memory.quantized(x, vd_matmul.xq(s));
    }
    vd_matmul.y(s, memory.address(op.y()));
    vd_matmul.type(s, weights.type().id());
    vd_matmul.N(s, weights.n());
    vd_matmul.K(s, weights.k());
    vd_matmul.arithmetic(s, id(op.arithmetic()));
    vd_matmul.unpacked(s, unpacked ? 1 : 0);
    return Vidrio.VD_OP_MATMUL();
  }

  private static int id(Arithmetic arithmetic) {
    return switch (arithmetic) {
      case INT8 -> Vidrio.VD_ARITHMETIC_INT8();
      case BF16 -> Vidrio.VD_ARITHMETIC_BF16();
    };
  }

  private int rope(SequenceOp.Rope op, MemorySegment s) {
    Rotation rotation = op.rotation();
    RotationTable table = memory.workspace().table(rotation);
    vd_rope.x(s, memory.address(op.x()));
    vd_rope.cos(s, table.cos());
    vd_rope.sin(s, table.sin());
    vd_rope.y(s, memory.address(op.y()));
    vd_rope.heads(s, op.heads());
    vd_rope.d_h(s, op.dH());
    vd_rope.d_rot(s, rotation.width());
    vd_rope.pairs(
        s,
        switch (rotation.pairs()) {
          case INTERLEAVED -> Vidrio.VD_ROPE_INTERLEAVED();
          case HALVES -> Vidrio.VD_ROPE_HALVES();
        });
    return Vidrio.VD_OP_ROPE();
  }

  private int kvStore(SequenceOp.KvStore op, MemorySegment s) {
    vd_kv_store.k(s, memory.address(op.k()));
    vd_kv_store.v(s, memory.address(op.v()));
    memory.cache(op.layer(), vd_kv_store.cache(s));
    return Vidrio.VD_OP_KV_STORE();
  }

  private int attention(SequenceOp.Attention op, MemorySegment s) {
    attentionInputs(op, s);
    vd_attention.z(s, memory.address(op.z()));
    return Vidrio.VD_OP_ATTENTION();
  }

  /** Fills in everything but the result. */
  private void attentionInputs(SequenceOp.Attention op, MemorySegment s) {
    vd_attention.q(s, memory.address(op.q()));
    memory.cache(op.layer(), vd_attention.cache(s));
    vd_attention.H(s, op.heads());
    vd_attention.scale(s, op.scale());
    vd_attention.sinks(s, memory.address(op.sinks()));
    vd_attention.slopes(s, slopes(op.bias()));
    vd_attention.biases(s, biases(op.bias()));
    vd_attention.reach(s, reach(op.bias()));
    vd_attention.window(s, op.window().length());
    vd_attention.shape(s, shape(op.window()));
    vd_attention.cap(s, op.cap());
  }

  private MemorySegment slopes(@Nullable PositionBias bias) {
    return memory.address(bias instanceof PositionBias.Linear(Weights slopes) ? slopes : null);
  }

  private MemorySegment biases(@Nullable PositionBias bias) {
    return memory.address(bias instanceof PositionBias.Table(Weights biases) ? biases : null);
  }

  private static int reach(@Nullable PositionBias bias) {
    return bias instanceof PositionBias.Table table ? table.reach() : 0;
  }

  private static int shape(Window window) {
    return switch (window.shape()) {
      case SLIDING -> Vidrio.VD_WINDOW_SLIDING();
      case ALIGNED -> Vidrio.VD_WINDOW_ALIGNED();
      case CENTERED -> Vidrio.VD_WINDOW_CENTERED();
      case WITHOUT_FIRST -> Vidrio.VD_WINDOW_WITHOUT_FIRST();
    };
  }

  private int conv(SequenceOp.Conv op, MemorySegment s) {
    vd_conv.x(s, memory.address(op.x()));
    vd_conv.kernel(s, memory.address(op.kernel()));
    vd_conv.y(s, memory.address(op.y()));
    NativeOperands.KeptRows rows = memory.rows(op.layer(), op.part());
    vd_conv.rows(s, rows.rows());
    vd_conv.stride(s, rows.stride());
    vd_conv.ring(s, rows.ring());
    vd_conv.d(s, op.y().width());
    vd_conv.L(s, op.length());
    return Vidrio.VD_OP_CONV();
  }

  private int recurrence(SequenceOp.Recurrence op, MemorySegment s) {
    recurrenceInputs(op, s);
    vd_recurrence.z(s, memory.address(op.z()));
    return Vidrio.VD_OP_RECURRENCE();
  }

  /** Fills in everything but the result. */
  private void recurrenceInputs(SequenceOp.Recurrence op, MemorySegment s) {
    vd_recurrence.q(s, memory.address(op.inputs().q()));
    vd_recurrence.k(s, memory.address(op.inputs().k()));
    vd_recurrence.v(s, memory.address(op.inputs().v()));
    vd_recurrence.step(s, memory.address(op.inputs().step()));
    vd_recurrence.beta(s, memory.address(op.inputs().beta()));
    vd_recurrence.a(s, memory.address(op.a()));
    vd_recurrence.skip(s, memory.address(op.skip()));
    NativeOperands.KeptRows states = memory.states(op.layer());
    vd_recurrence.states(s, states.rows());
    vd_recurrence.stride(s, states.stride());
    KvShape.Recurrent shape = memory.recurrent(op.layer());
    vd_recurrence.H_k(s, shape.keyHeads());
    vd_recurrence.H(s, shape.heads());
    vd_recurrence.d_k(s, shape.dK());
    vd_recurrence.d_v(s, shape.dV());
    vd_recurrence.delta(s, op.update() == SequenceOp.Update.DELTA ? 1 : 0);
    vd_recurrence.tiled(s, op.grouping() == SequenceOp.Grouping.TILED ? 1 : 0);
  }

  private int diagonalRecurrence(SequenceOp.DiagonalRecurrence op, MemorySegment s) {
    diagonalRecurrenceInputs(op, s);
    vd_diagonal_recurrence.h(s, memory.address(op.h()));
    NativeOperands.KeptRows states = memory.states(op.layer());
    vd_diagonal_recurrence.states(s, states.rows());
    vd_diagonal_recurrence.stride(s, states.stride());
    vd_diagonal_recurrence.ring(s, states.ring());
    return Vidrio.VD_OP_DIAGONAL_RECURRENCE();
  }

  private void diagonalRecurrenceInputs(SequenceOp.DiagonalRecurrence op, MemorySegment s) {
    vd_diagonal_recurrence.x(s, memory.address(op.x()));
    vd_diagonal_recurrence.decay(s, memory.address(op.decay()));
    vd_diagonal_recurrence.gate(s, memory.address(op.gate()));
    vd_diagonal_recurrence.d(s, op.h().width());
  }

  private int activation(Op.Activation op, MemorySegment s) {
    vd_activation.x(s, memory.address(op.x()));
    vd_activation.up(s, op.up() == null ? MemorySegment.NULL : memory.address(op.up()));
    vd_activation.y(s, memory.address(op.y()));
    vd_activation.kind(s, op.kind().id());
    vd_activation.width(s, op.x().width());
    return Vidrio.VD_OP_ACTIVATION();
  }

  private int add(Buffer a, MemorySegment b, Buffer y, int broadcast, MemorySegment s) {
    vd_add.a(s, memory.address(a));
    vd_add.b(s, b);
    vd_add.y(s, memory.address(y));
    vd_add.width(s, y.width());
    vd_add.broadcast(s, broadcast);
    return Vidrio.VD_OP_ADD();
  }

  private int scale(Op.Scale op, MemorySegment s) {
    vd_scale.x(s, memory.address(op.x()));
    vd_scale.y(s, memory.address(op.y()));
    vd_scale.factor(s, op.factor());
    vd_scale.width(s, op.x().width());
    return Vidrio.VD_OP_SCALE();
  }

  private int gather(Op.Gather op, MemorySegment s) {
    vd_gather.x(s, memory.address(op.x()));
    vd_gather.y(s, memory.address(op.y()));
    vd_gather.width(s, op.x().width());
    return Vidrio.VD_OP_GATHER();
  }

  private int route(ExpertOp.Route op, MemorySegment s) {
    vd_route.logits(s, memory.address(op.logits()));
    vd_route.bias(s, memory.address(op.bias()));
    vd_route.experts(s, memory.address(op.experts()));
    vd_route.weights(s, memory.address(op.weights()));
    vd_route.E(s, op.logits().width());
    vd_route.k(s, op.experts().width());
    vd_route.score(s, score(op.score()));
    vd_route.over(s, over(op.over()));
    ExpertOp.Groups groups = op.groups();
    if (groups != null) {
      vd_route.groups(s, groups.count());
      vd_route.groups_used(s, groups.used());
      vd_route.group_rank(
          s,
          switch (groups.rank()) {
            case MAX -> Vidrio.VD_GROUP_MAX();
            case TOP_TWO -> Vidrio.VD_GROUP_TOP_TWO();
          });
    }
    return Vidrio.VD_OP_ROUTE();
  }

  private static int score(ExpertOp.RouteScore score) {
    return switch (score) {
      case SOFTMAX -> Vidrio.VD_ROUTE_SOFTMAX();
      case SIGMOID -> Vidrio.VD_ROUTE_SIGMOID();
    };
  }

  private static int over(ExpertOp.RouteOver over) {
    return switch (over) {
      case CHOSEN -> Vidrio.VD_ROUTE_CHOSEN();
      case ALL -> Vidrio.VD_ROUTE_ALL();
      case SPARSE_MIXER -> Vidrio.VD_ROUTE_SPARSE_MIXER();
    };
  }

  private int expertMatMul(ExpertOp.ExpertMatMul op, MemorySegment s) {
    vd_expert_matmul.matrices(s, memory.matrices(op));
    vd_expert_matmul.bias(s, memory.address(op.bias()));
    vd_expert_matmul.experts(s, memory.address(op.experts()));
    switch (op.x()) {
      case Buffer x -> vd_expert_matmul.x(s, memory.address(x));
      case QuantizedBuffer x -> memory.quantized(x, vd_expert_matmul.xq(s));
    }
    vd_expert_matmul.y(s, memory.address(op.y()));
    vd_expert_matmul.type(s, op.type().id());
    vd_expert_matmul.E(s, op.matrices().size());
    vd_expert_matmul.k(s, op.slots());
    vd_expert_matmul.N(s, op.n());
    vd_expert_matmul.K(s, op.k());
    vd_expert_matmul.shared(s, op.shared() ? 1 : 0);
    vd_expert_matmul.arithmetic(s, id(op.arithmetic()));
    return Vidrio.VD_OP_EXPERT_MATMUL();
  }

  private int expertSum(ExpertOp.ExpertSum op, MemorySegment s) {
    vd_expert_sum.x(s, memory.address(op.x()));
    vd_expert_sum.weights(s, memory.address(op.weights()));
    vd_expert_sum.y(s, memory.address(op.y()));
    vd_expert_sum.k(s, op.slots());
    vd_expert_sum.d(s, op.y().width());
    return Vidrio.VD_OP_EXPERT_SUM();
  }

  private int topK(Op.TopK op, MemorySegment s) {
    vd_top_k.x(s, memory.address(op.x()));
    vd_top_k.values(s, memory.address(op.values()));
    vd_top_k.ids(s, memory.address(op.ids()));
    vd_top_k.sums(s, memory.address(op.sums()));
    vd_top_k.V(s, op.x().width());
    vd_top_k.k(s, op.k());
    return Vidrio.VD_OP_TOP_K();
  }

  private int scores(UnfusedOp.Scores op, MemorySegment s) {
    vd_scores.q(s, memory.address(op.q()));
    memory.cache(op.layer(), vd_scores.cache(s));
    vd_scores.y(s, memory.address(op.y()));
    vd_scores.slopes(s, slopes(op.bias()));
    vd_scores.biases(s, biases(op.bias()));
    vd_scores.reach(s, reach(op.bias()));
    vd_scores.H(s, op.heads());
    vd_scores.P(s, op.positions());
    vd_scores.window(s, op.window().length());
    vd_scores.shape(s, shape(op.window()));
    vd_scores.scale(s, op.scale());
    vd_scores.cap(s, op.cap());
    return Vidrio.VD_OP_SCORES();
  }

  private int softmax(UnfusedOp.Softmax op, MemorySegment s) {
    vd_softmax.x(s, memory.address(op.x()));
    vd_softmax.y(s, memory.address(op.y()));
    vd_softmax.sinks(s, memory.address(op.sinks()));
    vd_softmax.H(s, op.heads());
    vd_softmax.P(s, op.positions());
    vd_softmax.window(s, op.window().length());
    vd_softmax.shape(s, shape(op.window()));
    return Vidrio.VD_OP_SOFTMAX();
  }

  private int weightedValues(UnfusedOp.WeightedValues op, MemorySegment s) {
    vd_attention_values.pattern(s, memory.address(op.pattern()));
    vd_attention_values.softmax(s, memory.address(op.softmax()));
    vd_attention_values.attention(s, memory.address(op.attention()));
    memory.cache(op.layer(), vd_attention_values.cache(s));
    vd_attention_values.z(s, memory.address(op.z()));
    vd_attention_values.H(s, op.heads());
    vd_attention_values.P(s, op.positions());
    vd_attention_values.shape(s, shape(op.window()));
    return Vidrio.VD_OP_ATTENTION_VALUES();
  }

  private int normalize(UnfusedOp.Normalize op, MemorySegment s) {
    vd_norm.x(s, memory.address(op.x()));
    vd_norm.divisor(s, memory.address(op.divisors()));
    vd_norm.y(s, memory.address(op.y()));
    vd_norm.kind(s, kind(op.kind()));
    vd_norm.heads(s, op.heads());
    vd_norm.d(s, op.x().width() / op.heads());
    return Vidrio.VD_OP_NORM();
  }

  private int gain(UnfusedOp.Gain op, MemorySegment s) {
    vd_gain.x(s, memory.address(op.x()));
    vd_gain.gain(s, memory.address(op.gain()));
    vd_gain.bias(s, memory.address(op.bias()));
    vd_gain.y(s, memory.address(op.y()));
    vd_gain.heads(s, op.x().width() / op.gain().k());
    vd_gain.d(s, op.gain().k());
    return Vidrio.VD_OP_GAIN();
  }

  private int down(LowRankOp.Down op, MemorySegment s) {
    vd_low_rank_down.u(s, memory.address(op.u()));
    vd_low_rank_down.t(s, memory.address(op.t()));
    entries(op.table()).choice(op.matrix(), vd_low_rank_down.choice(s));
    vd_low_rank_down.K(s, op.u().width());
    return Vidrio.VD_OP_LOW_RANK_DOWN();
  }

  private int up(LowRankOp.Up op, MemorySegment s) {
    vd_low_rank_up.x(s, memory.address(op.x()));
    vd_low_rank_up.t(s, memory.address(op.t()));
    vd_low_rank_up.y(s, memory.address(op.y()));
    entries(op.table()).choice(op.matrix(), vd_low_rank_up.choice(s));
    vd_low_rank_up.N(s, op.y().width());
    return Vidrio.VD_OP_LOW_RANK_UP();
  }

  private LowRankEntries entries(LowRankTable table) {
    return adapters.computeIfAbsent(
        table,
        key -> {
          var entries = new LowRankEntries(key, memory.tables());
          updates.add(entries::update);
          return entries;
        });
  }

  private int edit(HookOp.Edit op, MemorySegment s) {
    var entries = new EditEntries(op.edits(), memory.tables());
    updates.add(entries::update);
    vd_edit.x(s, memory.address(op.x()));
    vd_edit.y(s, memory.address(op.y()));
    entries.fill(s);
    vd_edit.width(s, op.x().width());
    vd_edit.whole_rows(s, op.edits().subspaces() ? 1 : 0);
    return Vidrio.VD_OP_EDIT();
  }

  private int accumulate(HookOp.Accumulate op, MemorySegment s) {
    ColumnStatistics statistics = op.statistics();
    vd_accumulate.x(s, memory.address(op.x()));
    String what = "memory of statistics of " + op.x().name();
    vd_accumulate.sums(s, memory.outside().note(what, statistics.sums()));
    vd_accumulate.bounds(s, statistics.bounds());
    vd_accumulate.slots(s, memory.outside().note(what, statistics.slots()));
    vd_accumulate.n_slots(s, statistics.count());
    vd_accumulate.n_sequences(s, statistics.sequences());
    vd_accumulate.width(s, statistics.width());
    return Vidrio.VD_OP_ACCUMULATE();
  }

  private int tap(HookOp.Tap op, MemorySegment s) {
    TapTarget target = op.target();
    vd_tap.x(s, memory.address(op.x()));
    String what = "target of the tap of " + op.x().name();
    vd_tap.data(s, memory.outside().note(what, target.data()));
    vd_tap.bases(s, memory.outside().note(what, target.bases()));
    vd_tap.positions(s, target.window());
    vd_tap.n_rows(s, target.rows());
    vd_tap.n_sequences(s, target.sequences());
    vd_tap.type(s, target.type().id());
    vd_tap.width(s, target.width());
    return Vidrio.VD_OP_TAP();
  }

  private int seed(BackwardOp.Seed op, MemorySegment s) {
    MemorySegment y = memory.address(op.y());
    vd_scale.x(s, memory.outside().note("memory of values of " + op.y().name(), op.values()));
    vd_scale.y(s, y);
    vd_scale.factor(s, 1);
    vd_scale.width(s, op.y().width());
    return Vidrio.VD_OP_SCALE();
  }

  private int scatter(BackwardOp.Scatter op, MemorySegment s) {
    vd_scatter.x(s, memory.address(op.x()));
    vd_scatter.y(s, memory.address(op.y()));
    vd_scatter.width(s, op.x().width());
    return Vidrio.VD_OP_SCATTER();
  }

  private int normBackward(BackwardOp.Norm op, MemorySegment s) {
    Op.Norm norm = op.forward();
    vd_norm_backward.x(s, memory.address(norm.x()));
    vd_norm_backward.gain(s, memory.address(norm.gain()));
    vd_norm_backward.dy(s, memory.address(op.dy()));
    vd_norm_backward.dx(s, memory.address(op.dx()));
    vd_norm_backward.kind(s, kind(norm.kind()));
    vd_norm_backward.heads(s, norm.heads());
    vd_norm_backward.d(s, norm.d());
    vd_norm_backward.per_head(s, norm.perHead() ? 1 : 0);
    vd_norm_backward.epsilon(s, norm.epsilon());
    vd_norm_backward.frozen(s, op.frozen() ? 1 : 0);
    return Vidrio.VD_OP_NORM_BACKWARD();
  }

  private int activationBackward(BackwardOp.Activation op, MemorySegment s) {
    Buffer up = op.forward().up();
    vd_activation_backward.x(s, memory.address(op.forward().x()));
    vd_activation_backward.up(s, up == null ? MemorySegment.NULL : memory.address(up));
    vd_activation_backward.dy(s, memory.address(op.dy()));
    vd_activation_backward.dx(s, memory.address(op.dx()));
    vd_activation_backward.kind(s, op.forward().kind().id());
    vd_activation_backward.slope(
        s,
        switch (op.slope()) {
          case DERIVATIVE -> Vidrio.VD_SLOPE_DERIVATIVE();
          case SECANT -> Vidrio.VD_SLOPE_SECANT();
        });
    vd_activation_backward.width(s, op.dx().width());
    return Vidrio.VD_OP_ACTIVATION_BACKWARD();
  }

  private int matMulBackward(BackwardOp.MatMul op, MemorySegment s) {
    Weights weights = op.weights();
    vd_matmul_backward.weights(s, memory.address(weights));
    vd_matmul_backward.dy(s, memory.address(op.dy()));
    vd_matmul_backward.dx(s, memory.address(op.dx()));
    vd_matmul_backward.type(s, weights.type().id());
    vd_matmul_backward.N(s, weights.n());
    vd_matmul_backward.K(s, weights.k());
    boolean inRows = weights.layout() == Weights.Layout.ROWS;
    vd_matmul_backward.unpacked(s, inRows && weights.type().quantized() ? 1 : 0);
    return Vidrio.VD_OP_MATMUL_BACKWARD();
  }

  private int query(BackwardOp.Query op, MemorySegment s) {
    attentionInputs(op.forward(), vd_attention_backward.attention(s));
    vd_attention_backward.dz(s, memory.address(op.dz()));
    vd_attention_backward.dq(s, memory.address(op.dq()));
    vd_attention_backward.statistics(s, memory.address(op.statistics()));
    return Vidrio.VD_OP_QUERY_BACKWARD();
  }

  private int keyValue(BackwardOp.KeyValue op, MemorySegment s) {
    attentionInputs(op.forward(), vd_attention_backward.attention(s));
    vd_attention_backward.dz(s, memory.address(op.dz()));
    vd_attention_backward.statistics(s, memory.address(op.statistics()));
    vd_attention_backward.dk(s, memory.address(op.dk()));
    vd_attention_backward.dv(s, memory.address(op.dv()));
    return Vidrio.VD_OP_KEY_VALUE_BACKWARD();
  }

  private int convBackward(BackwardOp.Conv op, MemorySegment s) {
    vd_conv_backward.kernel(s, memory.address(op.forward().kernel()));
    vd_conv_backward.dy(s, memory.address(op.dy()));
    vd_conv_backward.dx(s, memory.address(op.dx()));
    vd_conv_backward.d(s, op.dx().width());
    vd_conv_backward.L(s, op.forward().length());
    return Vidrio.VD_OP_CONV_BACKWARD();
  }

  private int recurrenceBackward(BackwardOp.Recurrence op, MemorySegment s) {
    recurrenceInputs(op.forward(), vd_recurrence_backward.recurrence(s));
    vd_recurrence_backward.dz(s, memory.address(op.dz()));
    vd_recurrence_backward.residual(s, memory.address(op.residual()));
    vd_recurrence_backward.dq(s, memory.address(op.gradients().q()));
    vd_recurrence_backward.dk(s, memory.address(op.gradients().k()));
    vd_recurrence_backward.dv(s, memory.address(op.gradients().v()));
    vd_recurrence_backward.dstep(s, memory.address(op.gradients().step()));
    vd_recurrence_backward.dbeta(s, memory.address(op.gradients().beta()));
    return Vidrio.VD_OP_RECURRENCE_BACKWARD();
  }

  private int diagonalRecurrenceBackward(BackwardOp.DiagonalRecurrence op, MemorySegment s) {
    diagonalRecurrenceInputs(op.forward(), vd_diagonal_recurrence_backward.recurrence(s));
    vd_diagonal_recurrence_backward.dh(s, memory.address(op.dh()));
    vd_diagonal_recurrence_backward.ddecay(s, memory.address(op.dDecay()));
    vd_diagonal_recurrence_backward.dgate(s, memory.address(op.dGate()));
    vd_diagonal_recurrence_backward.dx(s, memory.address(op.dx()));
    return Vidrio.VD_OP_DIAGONAL_RECURRENCE_BACKWARD();
  }

  private int routeBackward(BackwardOp.Route op, MemorySegment s) {
    vd_route_backward.logits(s, memory.address(op.forward().logits()));
    vd_route_backward.experts(s, memory.address(op.forward().experts()));
    vd_route_backward.weights(s, memory.address(op.forward().weights()));
    vd_route_backward.dweights(s, memory.address(op.dWeights()));
    vd_route_backward.dlogits(s, memory.address(op.dLogits()));
    vd_route_backward.E(s, op.dLogits().width());
    vd_route_backward.k(s, op.dWeights().width());
    vd_route_backward.score(s, score(op.forward().score()));
    vd_route_backward.over(s, over(op.forward().over()));
    return Vidrio.VD_OP_ROUTE_BACKWARD();
  }

  private int expertMatMulBackward(BackwardOp.ExpertMatMul op, MemorySegment s) {
    vd_expert_matmul_backward.matrices(s, memory.matrices(op.forward()));
    vd_expert_matmul_backward.experts(s, memory.address(op.forward().experts()));
    vd_expert_matmul_backward.dy(s, memory.address(op.dy()));
    vd_expert_matmul_backward.dx(s, memory.address(op.dx()));
    vd_expert_matmul_backward.type(s, op.forward().type().id());
    vd_expert_matmul_backward.E(s, op.forward().matrices().size());
    vd_expert_matmul_backward.k(s, op.forward().slots());
    vd_expert_matmul_backward.N(s, op.forward().n());
    vd_expert_matmul_backward.K(s, op.forward().k());
    return Vidrio.VD_OP_EXPERT_MATMUL_BACKWARD();
  }

  private int expertSumBackward(BackwardOp.ExpertSum op, MemorySegment s) {
    vd_expert_sum_backward.x(s, memory.address(op.forward().x()));
    vd_expert_sum_backward.weights(s, memory.address(op.forward().weights()));
    vd_expert_sum_backward.dy(s, memory.address(op.dy()));
    vd_expert_sum_backward.dx(s, memory.address(op.dx()));
    vd_expert_sum_backward.dweights(s, memory.address(op.dWeights()));
    vd_expert_sum_backward.k(s, op.forward().slots());
    vd_expert_sum_backward.d(s, op.dy().width());
    return Vidrio.VD_OP_EXPERT_SUM_BACKWARD();
  }

  private int slotSum(BackwardOp.SlotSum op, MemorySegment s) {
    vd_slot_sum.x(s, memory.address(op.x()));
    vd_slot_sum.y(s, memory.address(op.y()));
    vd_slot_sum.k(s, op.slots());
    vd_slot_sum.d(s, op.y().width());
    return Vidrio.VD_OP_SLOT_SUM();
  }
}
