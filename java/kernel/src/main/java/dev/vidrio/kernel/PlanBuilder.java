package dev.vidrio.kernel;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link Plan}: each method appends an operation and returns the activation that it
 * writes, so that the code of a model reads like its equations.
 *
 * <pre>{@code
 * var b = new PlanBuilder(new KvShape(layers, keyValueHeads, headWidth));
 * Buffer x = b.embed("hook_embed", embedding);                     // [n, d]
 * Buffer normalized = b.norm("ln1", Op.NormKind.RMS, x, 1e-5f, gain, null);
 * Buffer q = b.rope("attn.hook_rot_q", rotation, headWidth, b.matMul("attn.hook_q", wQ, normalized));
 * b.kvStore(0, k, v);
 * Buffer z = b.attention("attn.hook_z", 0, scale, q);              // [n, H · d_v]
 * Buffer y = b.add("hook_resid_mid", x, b.matMul("hook_attn_out", wO, z));
 * b.output(b.matMul("unembed.hook_out", unembedding, b.gather("last", y)));
 * Plan plan = b.build();
 * }</pre>
 *
 * <p>The first argument names the activation; names are unique in a plan and serve as hook points.
 * Shapes follow from the arguments and are checked at once. The input of products with quantized
 * weights is quantized automatically, and only once, even if several products read it.
 *
 * <p>Not thread-safe.
 */
public final class PlanBuilder {
  private final KvShape kv;
  private final List<Op> ops = new ArrayList<>();
  private final Map<Buffer, QuantizedBuffer> quantized = new HashMap<>();
  private final Set<Buffer> outputs = new LinkedHashSet<>();
  private final Map<HookPoint, Buffer> hooks = new HashMap<>();

  /** The points of activations that have been named, but may not have been written yet. */
  private final Map<String, HookPoint> named = new HashMap<>();

  /** Creates a builder of a plan over a cache of this shape. */
  public PlanBuilder(KvShape kv) {
    this.kv = kv;
  }

  /**
   * Returns the name for the activation at a hook point, and records that the activation that is
   * written under this name is the one at the point.
   */
  public String name(HookPoint point) {
    String name = point.name();
    named.put(name, point);
    return name;
  }

  /**
   * Records that an activation is the one at a hook point, or the output of the operation that the
   * point is in ({@link Plan#hooks}).
   *
   * @return the activation
   * @throws IllegalStateException if another activation has been recorded for the point
   */
  public Buffer hook(HookPoint point, Buffer x) {
    Buffer recorded = hooks.putIfAbsent(point, x);
    if (recorded != null && !recorded.equals(x)) {
      throw new IllegalStateException(
          "hook point " + point + " is " + recorded.name() + ", not " + x.name());
    }
    return x;
  }

  /** Looks up the rows of the batch's tokens in an embedding table [V, d]. */
  public Buffer embed(String name, Weights table) {
    return embed(name, table, 0, 1);
  }

  /**
   * Looks up one of several adjacent rows per token.
   *
   * @param table [V · count, d]
   * @param index index of the row among those of a token, from 0
   */
  public Buffer embed(String name, Weights table, int index, int count) {
    return embed(name, table, Op.EmbedIndex.TOKENS, index, count - 1);
  }

  /** Looks up learned position embeddings; row {@code offset} of the table is position 0. */
  public Buffer embedPositions(String name, Weights table, int offset) {
    return embed(name, table, Op.EmbedIndex.POSITIONS, offset, 0);
  }

  /** Looks up embeddings of token types in a table [types, d]. */
  public Buffer embedTypes(String name, Weights table) {
    return embed(name, table, Op.EmbedIndex.TYPES, 0, 0);
  }

  private Buffer embed(String name, Weights table, Op.EmbedIndex index, int offset, int skip) {
    var y = new Buffer(name, Rows.TOKENS, table.k());
    return append(new Op.Embed(table, index, offset, skip, y));
  }

  /** Computes a norm of x with optional gain and bias. */
  public Buffer norm(
      String name,
      Op.NormKind kind,
      Buffer x,
      float epsilon,
      @Nullable Weights gain,
      @Nullable Weights bias) {
    return append(new Op.Norm(kind, epsilon, 1, x, gain, bias, x.like(name), null));
  }

  /**
   * Computes a norm of each head of d_h elements separately. The gain is one for all heads [d_h],
   * or one per head [H · d_h].
   */
  public Buffer headNorm(
      String name, Op.NormKind kind, int dH, Buffer x, float epsilon, @Nullable Weights gain) {
    return append(new Op.Norm(kind, epsilon, x.width() / dH, x, gain, null, x.like(name), null));
  }

  /** Computes {@code x · Wᵀ}. */
  public Buffer matMul(String name, Weights weights, Buffer x) {
    Operand operand = weights.type().quantized() ? quantize(x) : x;
    return append(new Op.MatMul(weights, operand, new Buffer(name, x.rows(), weights.n())));
  }

  /** Computes {@code x · Wᵀ + bias}, or {@code x · Wᵀ} if the bias is null. */
  public Buffer linear(String name, Weights weights, @Nullable Weights bias, Buffer x) {
    if (bias == null) {
      return matMul(name, weights, x);
    }
    return addBias(name, bias, matMul(name + ".product", weights, x));
  }

  /** Computes {@code x + bias}. */
  public Buffer addBias(String name, Weights bias, Buffer x) {
    return append(new Op.AddBias(x, bias, x.like(name)));
  }

  private QuantizedBuffer quantize(Buffer x) {
    return quantized.computeIfAbsent(
        x,
        buffer -> {
          var y = new QuantizedBuffer(x.name() + ".quantized", x.rows(), x.width());
          ops.add(new Op.Quantize(x, y));
          return y;
        });
  }

  /** Rotates the heads of x, of d_h elements each (RoPE). */
  public Buffer rope(String name, Rotation rotation, int dH, Buffer x) {
    return append(new SequenceOp.Rope(rotation, dH, x, x.like(name)));
  }

  /** Stores keys and values in a layer of the cache. */
  public void kvStore(int layer, Buffer k, Buffer v) {
    ops.add(new SequenceOp.KvStore(layer, k, v));
  }

  /** Computes causal attention over a layer of the cache. */
  public Buffer attention(String name, int layer, float scale, Buffer q) {
    return attention(name, layer, scale, Window.ALL, 0, null, null, q);
  }

  /**
   * Computes causal attention with the window, the soft cap, the sinks [H] (or null) and the bias
   * (or null) of {@link SequenceOp.Attention}.
   */
  public Buffer attention(
      String name,
      int layer,
      float scale,
      Window window,
      float cap,
      @Nullable Weights sinks,
      @Nullable PositionBias bias,
      Buffer q) {
    KvShape.KeyValue shape = kv.keyValue(layer);
    int heads = q.width() / shape.dH();
    var z = new Buffer(name, Rows.TOKENS, heads * shape.dV());
    return append(new SequenceOp.Attention(layer, heads, scale, window, cap, sinks, bias, q, z));
  }

  /**
   * Computes the causal convolution of each column with a kernel [L, width], over a cache layer.
   *
   * @param part the input of a recurrence that it computes, VALUE if the layer has no recurrence,
   *     or null if the layer has a row for each position
   */
  public Buffer conv(
      String name, int layer, SequenceOp.@Nullable Part part, Weights kernel, Buffer x) {
    return append(new SequenceOp.Conv(layer, part, kernel, x, x.like(name)));
  }

  /**
   * Computes linear attention over the states of a layer, {@link SequenceOp.Recurrence}: [n, H ·
   * d_v].
   */
  public Buffer recurrence(
      String name,
      int layer,
      SequenceOp.Update update,
      SequenceOp.Grouping grouping,
      Weights a,
      @Nullable Weights skip,
      SequenceOp.Recurrence.Inputs<Buffer> inputs) {
    Buffer z = inputs.v().like(name);
    return append(new SequenceOp.Recurrence(layer, update, grouping, a, skip, inputs, z));
  }

  /** Computes the states of {@link SequenceOp.DiagonalRecurrence} over a layer: [n, d]. */
  public Buffer diagonalRecurrence(String name, int layer, Buffer decay, Buffer gate, Buffer x) {
    return append(new SequenceOp.DiagonalRecurrence(layer, decay, gate, x, x.like(name)));
  }

  /** Computes {@code f(x)}. */
  public Buffer activation(String name, Op.ActivationKind kind, Buffer x) {
    return append(new Op.Activation(kind, x, null, x.like(name)));
  }

  /** Computes {@code f(x) · up}. */
  public Buffer gated(String name, Op.ActivationKind kind, Buffer x, Buffer up) {
    return append(new Op.Activation(kind, x, up, x.like(name)));
  }

  /** Computes {@code a · b}, element by element. */
  public Buffer multiply(String name, Buffer a, Buffer b) {
    return gated(name, Op.ActivationKind.IDENTITY, a, b);
  }

  /** Computes {@code a + b}. */
  public Buffer add(String name, Buffer a, Buffer b) {
    return append(new Op.Add(a, b, a.like(name)));
  }

  /** Multiplies each row of x by a vector, element by element. */
  public Buffer gain(String name, Weights gain, Buffer x) {
    return append(new UnfusedOp.Gain(x, gain, null, x.like(name)));
  }

  /**
   * Multiplies each row of x by its own factor.
   *
   * @param factors [rows, 1]
   */
  public Buffer scaleRows(String name, Buffer factors, Buffer x) {
    return append(new ExpertOp.ExpertSum(x, factors, x.like(name)));
  }

  /** Computes {@code factor · x}. */
  public Buffer scale(String name, float factor, Buffer x) {
    return append(new Op.Scale(x, factor, x.like(name)));
  }

  /** Computes the soft cap {@code cap · tanh(x · (1 / cap))}, arXiv 2408.00118. */
  public Buffer softCap(String name, float cap, Buffer x) {
    Buffer scaled = scale(name + ".scaled", 1 / cap, x);
    return scale(name, cap, activation(name + ".tanh", Op.ActivationKind.TANH, scaled));
  }

  /** Clamps x to [−limit, limit]. */
  public Buffer clamp(String name, float limit, Buffer x) {
    Buffer scaled = scale(name + ".scaled", 1 / limit, x);
    return scale(name, limit, activation(name + ".clamped", Op.ActivationKind.HARD_TANH, scaled));
  }

  /**
   * The routes of tokens in a mixture of experts.
   *
   * @param experts the indices of each token's experts [rows, k], as floats
   * @param weights the weights of their results [rows, k]
   */
  public record Routes(Buffer experts, Buffer weights) {}

  /** Routes each token to k experts, by {@link ExpertOp.Route}. */
  public Routes route(
      String experts,
      String weights,
      ExpertOp.RouteScore score,
      ExpertOp.RouteOver over,
      @Nullable Weights bias,
      ExpertOp.@Nullable Groups groups,
      int k,
      Buffer logits) {
    var routes =
        new Routes(new Buffer(experts, logits.rows(), k), new Buffer(weights, logits.rows(), k));
    ops.add(new ExpertOp.Route(score, over, bias, groups, logits, routes.experts, routes.weights));
    return routes;
  }

  /**
   * Multiplies x by the matrices [N, K] of each token's k experts, and adds their biases: [rows, k,
   * N].
   *
   * @param bias [E · N], or null
   * @param x one row of K for all experts of a token [rows, K], or one per expert [rows, k, K]
   */
  public Buffer expertMatMul(
      String name, List<Weights> matrices, @Nullable Weights bias, Routes routes, Buffer x) {
    Weights first = matrices.getFirst();
    var y = new Buffer(name, x.rows(), Math.multiplyExact(routes.experts.width(), first.n()));
    Operand operand = first.type().quantized() ? quantize(x) : x;
    return append(new ExpertOp.ExpertMatMul(matrices, bias, routes.experts, operand, y));
  }

  /** Computes the weighted sum of the results [rows, k, d] of each token's experts: [rows, d]. */
  public Buffer expertSum(String name, Routes routes, Buffer x) {
    var y = new Buffer(name, x.rows(), x.width() / routes.weights.width());
    return append(new ExpertOp.ExpertSum(x, routes.weights, y));
  }

  /** Selects the rows of x for which logits are requested. */
  public Buffer gather(String name, Buffer x) {
    return append(new Op.Gather(x, new Buffer(name, Rows.LOGITS, x.width())));
  }

  /** Appends an operation and returns the first activation that it writes. */
  private Buffer append(Op op) {
    ops.add(op);
    return (Buffer) op.writes().getFirst();
  }

  /** Marks an activation as an output: its values are kept until the next step. */
  public Buffer output(Buffer x) {
    outputs.add(x);
    return x;
  }

  /** Returns the plan. */
  public Plan build() {
    for (Op op : ops) {
      for (Operand y : op.writes()) {
        HookPoint point = named.get(y.name());
        if (point != null && y instanceof Buffer buffer) {
          hook(point, buffer);
        }
      }
    }
    return new Plan(ops, kv, outputs, hooks);
  }
}
