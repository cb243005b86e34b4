package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_activation;
import dev.vidrio.bindings.vd_add;
import dev.vidrio.bindings.vd_attention;
import dev.vidrio.bindings.vd_conv;
import dev.vidrio.bindings.vd_embed;
import dev.vidrio.bindings.vd_expert_matmul;
import dev.vidrio.bindings.vd_expert_sum;
import dev.vidrio.bindings.vd_gather;
import dev.vidrio.bindings.vd_kv_cache;
import dev.vidrio.bindings.vd_matmul;
import dev.vidrio.bindings.vd_norm;
import dev.vidrio.bindings.vd_op;
import dev.vidrio.bindings.vd_quantize;
import dev.vidrio.bindings.vd_quantized;
import dev.vidrio.bindings.vd_recurrence;
import dev.vidrio.bindings.vd_route;
import dev.vidrio.bindings.vd_scale;
import dev.vidrio.bindings.vd_top_k;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes a plan as an array of vd_op, with the addresses of its workspace, weights and cache. */
final class PlanEncoder {
  private final Schedule schedule;
  private final Workspace workspace;
  private final KvCache cache;
  private final Arena tables;
  private final List<Runnable> updates = new ArrayList<>();
  private final OutsideMemory outside = new OutsideMemory();
  private final HookOpEncoder hooks;
  private final LowRankEncoder adapters;

  /**
   * An encoder of a plan.
   *
   * @param tables holds the tables that operations point to, as long as the plan runs
   */
  PlanEncoder(Schedule schedule, Workspace workspace, KvCache cache, Arena tables) {
    this.schedule = schedule;
    this.workspace = workspace;
    this.cache = cache;
    this.tables = tables;
    this.hooks = new HookOpEncoder(this, tables, updates);
    this.adapters = new LowRankEncoder(this, tables, updates);
  }

  MemorySegment encode(Plan plan, Arena arena) {
    MemorySegment ops = vd_op.allocateArray(plan.ops().size(), arena);
    for (int i = 0; i < plan.ops().size(); i++) {
      Op op = plan.ops().get(i);
      MemorySegment target = vd_op.asSlice(ops, i);
      vd_op.rows(
          target, op.rows() == Rows.TOKENS ? Vidrio.VD_ROWS_TOKENS() : Vidrio.VD_ROWS_LOGITS());
      vd_op.barrier(
          target,
          switch (workspace.barrier(i)) {
            case NEVER -> Vidrio.VD_BARRIER_NEVER();
            case UNLESS_LOCAL -> Vidrio.VD_BARRIER_UNLESS_REPLICATED();
            case ALWAYS -> Vidrio.VD_BARRIER_ALWAYS();
          });
      vd_op.epilogue(target, schedule.follows(i) ? 1 : 0);
      vd_op.replicated(
          target,
          (op.reads().stream().anyMatch(schedule::isLocal) ? Vidrio.VD_REPLICATED_READ() : 0)
              | (schedule.isLocal(i) ? Vidrio.VD_REPLICATED_WRITE() : 0));
      vd_op.kind(target, encode(op, vd_op.as(target)));
    }
    return ops;
  }

  /** What keeps tables up to date that may change between steps: to be run before each. */
  List<Runnable> updates() {
    return updates;
  }

  /** What operations hold addresses of. */
  OutsideMemory outside() {
    return outside;
  }

  /** Fills in the operation's member of the union and returns its kind. */
  private int encode(Op op, MemorySegment as) {
    return switch (op) {
      case Op.Embed embed -> embed(embed, vd_op.as.embed(as));
      case Op.Norm norm -> norm(norm, vd_op.as.norm(as));
      case Op.Quantize quantize -> quantize(quantize, vd_op.as.quantize(as));
      case Op.MatMul matMul -> matMul(matMul, vd_op.as.matmul(as));
      case SequenceOp sequence -> new SequenceOpEncoder(this).encode(sequence, as);
      case Op.Activation activation -> activation(activation, vd_op.as.activation(as));
      case Op.Add add -> add(add.a(), address(add.b()), add.y(), 0, vd_op.as.add(as));
      case Op.AddBias add -> add(add.a(), address(add.bias()), add.y(), 1, vd_op.as.add(as));
      case Op.Scale scale -> scale(scale, vd_op.as.scale(as));
      case Op.Gather gather -> gather(gather, vd_op.as.gather(as));
      case ExpertOp.Route route -> route(route, vd_op.as.route(as));
      case ExpertOp.ExpertMatMul matMul -> expertMatMul(matMul, vd_op.as.expert_matmul(as));
      case ExpertOp.ExpertSum sum -> expertSum(sum, vd_op.as.expert_sum(as));
      case Op.TopK topK -> topK(topK, vd_op.as.top_k(as));
      case HookOp hook -> hooks.encode(hook, as);
      case LowRankOp adapter -> adapters.encode(adapter, as);
      case OpenOp open -> new OpenOpEncoder(this).encode(open, as);
      case BackwardOp backward -> new BackwardEncoder(this).encode(backward, as);
    };
  }

  private int embed(Op.Embed op, MemorySegment s) {
    vd_embed.table(s, address(op.table()));
    vd_embed.y(s, address(op.y()));
    vd_embed.type(s, op.table().type().id());
    vd_embed.V(s, op.table().n());
    vd_embed.d(s, op.table().k());
    vd_embed.index(
        s,
        switch (op.index()) {
          case TOKENS -> Vidrio.VD_EMBED_TOKENS();
          case POSITIONS -> Vidrio.VD_EMBED_POSITIONS();
        });
    vd_embed.offset(s, op.offset());
    vd_embed.skip(s, op.skip());
    return Vidrio.VD_OP_EMBED();
  }

  private int norm(Op.Norm op, MemorySegment s) {
    vd_norm.x(s, address(op.x()));
    vd_norm.gain(s, address(op.gain()));
    vd_norm.bias(s, address(op.bias()));
    vd_norm.y(s, address(op.y()));
    vd_norm.scale(s, op.scale() == null ? MemorySegment.NULL : address(op.scale()));
    vd_norm.kind(s, kind(op.kind()));
    vd_norm.heads(s, op.heads());
    vd_norm.d(s, op.d());
    vd_norm.per_head(s, op.perHead() ? 1 : 0);
    vd_norm.epsilon(s, op.epsilon());
    return Vidrio.VD_OP_NORM();
  }

  static int kind(Op.NormKind kind) {
    return switch (kind) {
      case RMS -> Vidrio.VD_NORM_RMS();
      case LAYER -> Vidrio.VD_NORM_LAYER();
    };
  }

  private int quantize(Op.Quantize op, MemorySegment s) {
    vd_quantize.x(s, address(op.x()));
    quantized(op.y(), vd_quantize.y(s));
    vd_quantize.K(s, op.x().width());
    return Vidrio.VD_OP_QUANTIZE();
  }

  private int matMul(Op.MatMul op, MemorySegment s) {
    vd_matmul.weights(s, address(op.weights()));
    switch (op.x()) {
      case Buffer x -> vd_matmul.x(s, address(x));
      case QuantizedBuffer x -> quantized(x, vd_matmul.xq(s));
    }
    vd_matmul.y(s, address(op.y()));
    vd_matmul.type(s, op.weights().type().id());
    vd_matmul.N(s, op.weights().n());
    vd_matmul.K(s, op.weights().k());
    vd_matmul.fast(s, op.fast() ? 1 : 0);
    boolean inRows = op.weights().layout() == Weights.Layout.ROWS;
    vd_matmul.unpacked(s, inRows && op.weights().type().quantized() ? 1 : 0);
    return Vidrio.VD_OP_MATMUL();
  }

  /** All of it but the result. */
  void attends(SequenceOp.Attention op, MemorySegment s) {
    vd_attention.q(s, address(op.q()));
    cache(op.layer(), vd_attention.cache(s));
    vd_attention.H(s, op.heads());
    vd_attention.scale(s, op.scale());
    vd_attention.sinks(s, address(op.sinks()));
    vd_attention.slopes(s, address(op.slopes()));
    vd_attention.window(s, op.window().length());
    vd_attention.aligned(s, op.window().aligned() ? 1 : 0);
    vd_attention.cap(s, op.cap());
  }

  private int activation(Op.Activation op, MemorySegment s) {
    vd_activation.x(s, address(op.x()));
    vd_activation.up(s, op.up() == null ? MemorySegment.NULL : address(op.up()));
    vd_activation.y(s, address(op.y()));
    vd_activation.kind(s, kind(op.kind()));
    vd_activation.width(s, op.x().width());
    return Vidrio.VD_OP_ACTIVATION();
  }

  static int kind(Op.ActivationKind kind) {
    return switch (kind) {
      case SILU -> Vidrio.VD_ACTIVATION_SILU();
      case GELU_TANH -> Vidrio.VD_ACTIVATION_GELU_TANH();
      case RELU -> Vidrio.VD_ACTIVATION_RELU();
      case GELU -> Vidrio.VD_ACTIVATION_GELU();
      case TANH -> Vidrio.VD_ACTIVATION_TANH();
      case SQUARED_RELU -> Vidrio.VD_ACTIVATION_SQUARED_RELU();
      case ELU -> Vidrio.VD_ACTIVATION_ELU();
      case HARD_TANH -> Vidrio.VD_ACTIVATION_HARD_TANH();
      case CLAMPED_SWISH -> Vidrio.VD_ACTIVATION_CLAMPED_SWISH();
      case CLAMPED_LINEAR -> Vidrio.VD_ACTIVATION_CLAMPED_LINEAR();
      case IDENTITY -> Vidrio.VD_ACTIVATION_IDENTITY();
      case SIGMOID -> Vidrio.VD_ACTIVATION_SIGMOID();
      case SOFTPLUS -> Vidrio.VD_ACTIVATION_SOFTPLUS();
    };
  }

  private int add(Buffer a, MemorySegment b, Buffer y, int broadcast, MemorySegment s) {
    vd_add.a(s, address(a));
    vd_add.b(s, b);
    vd_add.y(s, address(y));
    vd_add.width(s, y.width());
    vd_add.broadcast(s, broadcast);
    return Vidrio.VD_OP_ADD();
  }

  private int scale(Op.Scale op, MemorySegment s) {
    vd_scale.x(s, address(op.x()));
    vd_scale.y(s, address(op.y()));
    vd_scale.factor(s, op.factor());
    vd_scale.width(s, op.x().width());
    return Vidrio.VD_OP_SCALE();
  }

  private int gather(Op.Gather op, MemorySegment s) {
    vd_gather.x(s, address(op.x()));
    vd_gather.y(s, address(op.y()));
    vd_gather.width(s, op.x().width());
    return Vidrio.VD_OP_GATHER();
  }

  private int route(ExpertOp.Route op, MemorySegment s) {
    vd_route.logits(s, address(op.logits()));
    vd_route.bias(s, address(op.bias()));
    vd_route.experts(s, address(op.experts()));
    vd_route.weights(s, address(op.weights()));
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
            case GREATEST -> Vidrio.VD_GROUP_MAX();
            case TWO_GREATEST -> Vidrio.VD_GROUP_TOP_TWO();
          });
    }
    return Vidrio.VD_OP_ROUTE();
  }

  static int score(ExpertOp.RouteScore score) {
    return switch (score) {
      case SOFTMAX -> Vidrio.VD_ROUTE_SOFTMAX();
      case SIGMOID -> Vidrio.VD_ROUTE_SIGMOID();
    };
  }

  static int over(ExpertOp.RouteOver over) {
    return switch (over) {
      case CHOSEN -> Vidrio.VD_ROUTE_CHOSEN();
      case ALL -> Vidrio.VD_ROUTE_ALL();
      case NEAR -> Vidrio.VD_ROUTE_SPARSE_MIXER();
    };
  }

  private int expertMatMul(ExpertOp.ExpertMatMul op, MemorySegment s) {
    vd_expert_matmul.matrices(s, matrices(op));
    vd_expert_matmul.bias(s, address(op.bias()));
    vd_expert_matmul.experts(s, address(op.experts()));
    switch (op.x()) {
      case Buffer x -> vd_expert_matmul.x(s, address(x));
      case QuantizedBuffer x -> quantized(x, vd_expert_matmul.xq(s));
    }
    vd_expert_matmul.y(s, address(op.y()));
    vd_expert_matmul.type(s, op.type().id());
    vd_expert_matmul.E(s, op.matrices().size());
    vd_expert_matmul.k(s, op.slots());
    vd_expert_matmul.N(s, op.n());
    vd_expert_matmul.K(s, op.k());
    vd_expert_matmul.shared(s, op.shared() ? 1 : 0);
    return Vidrio.VD_OP_EXPERT_MATMUL();
  }

  /** The addresses of an expert's matrix each. */
  MemorySegment matrices(ExpertOp.ExpertMatMul op) {
    MemorySegment matrices = tables.allocate(ADDRESS, op.matrices().size());
    for (int i = 0; i < op.matrices().size(); i++) {
      matrices.setAtIndex(ADDRESS, i, address(op.matrices().get(i)));
    }
    return matrices;
  }

  private int expertSum(ExpertOp.ExpertSum op, MemorySegment s) {
    vd_expert_sum.x(s, address(op.x()));
    vd_expert_sum.weights(s, address(op.weights()));
    vd_expert_sum.y(s, address(op.y()));
    vd_expert_sum.k(s, op.slots());
    vd_expert_sum.d(s, op.y().width());
    return Vidrio.VD_OP_EXPERT_SUM();
  }

  private int topK(Op.TopK op, MemorySegment s) {
    vd_top_k.x(s, address(op.x()));
    vd_top_k.values(s, address(op.values()));
    vd_top_k.ids(s, address(op.ids()));
    vd_top_k.sums(s, address(op.sums()));
    vd_top_k.V(s, op.x().width());
    vd_top_k.k(s, op.k());
    return Vidrio.VD_OP_TOP_K();
  }

  private void quantized(QuantizedBuffer buffer, MemorySegment s) {
    Workspace.Quantized memory = workspace.segments(buffer);
    vd_quantized.q(s, memory.q());
    vd_quantized.scale(s, memory.scale());
    vd_quantized.sum(s, memory.sum());
    vd_quantized.scaled_sum(s, memory.scaledSum());
  }

  void cache(int layer, MemorySegment s) {
    vd_kv_cache.keys(s, outside.note("key-value cache", cache.keys(layer)));
    vd_kv_cache.values(s, cache.values(layer));
    vd_kv_cache.type(s, cache.type().id());
    vd_kv_cache.H_kv(s, cache.shape().keyValue(layer).heads());
    vd_kv_cache.d_h(s, cache.shape().keyValue(layer).dH());
    vd_kv_cache.d_v(s, cache.shape().keyValue(layer).dV());
    vd_kv_cache.stride(s, cache.stride(layer));
  }

  void conv(SequenceOp.Conv op, MemorySegment s) {
    SequenceOp.Part part = op.part();
    if (part == null) {
      vd_conv.rows(s, outside.note("key-value cache", cache.rows(op.layer())));
      vd_conv.stride(s, cache.stride(op.layer()));
    } else {
      vd_conv.rows(s, outside.note("key-value cache", cache.rows(op.layer(), part)));
      vd_conv.stride(s, cache.slotStride());
      vd_conv.ring(s, cache.shape().recurrent(op.layer()).ring());
    }
  }

  KvShape.Recurrent states(int layer, MemorySegment s) {
    vd_recurrence.states(s, outside.note("key-value cache", cache.states(layer)));
    vd_recurrence.stride(s, cache.slotStride());
    return cache.shape().recurrent(layer);
  }

  RotationTable table(Rotation rotation) {
    return workspace.table(rotation);
  }

  MemorySegment address(Buffer buffer) {
    return workspace.segment(buffer);
  }

  MemorySegment address(@Nullable Weights weights) {
    return weights == null
        ? MemorySegment.NULL
        : outside.note("memory of " + weights.name(), weights.data());
  }
}
