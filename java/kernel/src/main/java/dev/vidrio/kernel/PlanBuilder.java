package dev.vidrio.kernel;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
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
 * Builds a plan, one call per operation; each returns the activation that it writes. Activations
 * that quantized weights multiply are quantized once, however many products read them.
 */
public final class PlanBuilder {
  private final KvShape kv;
  private final List<Op> ops = new ArrayList<>();
  private final Map<Buffer, QuantizedBuffer> quantized = new HashMap<>();
  private final Set<Buffer> outputs = new LinkedHashSet<>();
  private final Map<HookPoint, Buffer> hooks = new HashMap<>();

  /** The points whose activations have been named, but may not have been written yet. */
  private final Map<String, HookPoint> named = new HashMap<>();

  /** A builder for a plan over a cache of this shape. */
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

  /** Rows of the embedding table for the batch's tokens. */
  public Buffer embed(String name, Weights table) {
    Buffer y = new Buffer(name, Rows.TOKENS, table.k());
    ops.add(new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, y));
    return y;
  }

  /**
   * Rows of a table that has several for each token, one after the other.
   *
   * @param table [V · count, d]
   * @param index which of a token's rows, from 0
   */
  public Buffer embed(String name, Weights table, int index, int count) {
    Buffer y = new Buffer(name, Rows.TOKENS, table.k());
    ops.add(new Op.Embed(table, Op.EmbedIndex.TOKENS, index, count - 1, y));
    return y;
  }

  /** Rows of a table of learned positions, whose row {@code offset} is that of position 0. */
  public Buffer embedPositions(String name, Weights table, int offset) {
    Buffer y = new Buffer(name, Rows.TOKENS, table.k());
    ops.add(new Op.Embed(table, Op.EmbedIndex.POSITIONS, offset, 0, y));
    return y;
  }

  /** RMSNorm with a gain. */
  public Buffer rmsNorm(String name, Buffer x, float epsilon, Weights gain) {
    return norm(name, Op.NormKind.RMS, x, epsilon, gain, null);
  }

  /** A norm with optional gain and bias. */
  public Buffer norm(
      String name,
      Op.NormKind kind,
      Buffer x,
      float epsilon,
      @Nullable Weights gain,
      @Nullable Weights bias) {
    Buffer y = x.like(name);
    ops.add(new Op.Norm(kind, epsilon, 1, x, gain, bias, y, null));
    return y;
  }

  /**
   * A norm of each head of d_h elements on its own, whose gain is one for all [d_h], or one for
   * each [H · d_h].
   */
  public Buffer headNorm(
      String name, Op.NormKind kind, int dH, Buffer x, float epsilon, @Nullable Weights gain) {
    Buffer y = x.like(name);
    ops.add(new Op.Norm(kind, epsilon, x.width() / dH, x, gain, null, y, null));
    return y;
  }

  /** {@code x · Wᵀ}. */
  public Buffer matMul(String name, Weights weights, Buffer x) {
    Buffer y = new Buffer(name, x.rows(), weights.n());
    Operand operand = weights.type().quantized() ? quantize(x) : x;
    ops.add(new Op.MatMul(weights, operand, y));
    return y;
  }

  /** {@code x · Wᵀ + bias}; without the bias where it is null. */
  public Buffer linear(String name, Weights weights, @Nullable Weights bias, Buffer x) {
    if (bias == null) {
      return matMul(name, weights, x);
    }
    return addBias(name, bias, matMul(name + ".product", weights, x));
  }

  /** {@code x + bias}. */
  public Buffer addBias(String name, Weights bias, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new Op.AddBias(x, bias, y));
    return y;
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

  /** Rotates the heads of x, of d_h elements each. */
  public Buffer rope(String name, Rotation rotation, int dH, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new SequenceOp.Rope(rotation, dH, x, y));
    return y;
  }

  /** Stores keys and values of a layer of the cache. */
  public void kvStore(int layer, Buffer k, Buffer v) {
    ops.add(new SequenceOp.KvStore(layer, k, v));
  }

  /** Causal attention over a layer's cache. */
  public Buffer attention(String name, int layer, float scale, Buffer q) {
    return attention(name, layer, scale, Window.ALL, 0, null, q);
  }

  /**
   * Causal attention with the window, the soft cap and, where they are not null, the sinks [H] of
   * {@link SequenceOp.Attention}.
   */
  public Buffer attention(
      String name,
      int layer,
      float scale,
      Window window,
      float cap,
      @Nullable Weights sinks,
      Buffer q) {
    int heads = heads(layer, q);
    Buffer z = result(name, layer, heads);
    ops.add(new SequenceOp.Attention(layer, heads, scale, window, cap, sinks, null, q, z));
    return z;
  }

  /** Causal attention whose scores fall with the distance by a slope [H] of each head (ALiBi). */
  public Buffer alibiAttention(String name, int layer, float scale, Weights slopes, Buffer q) {
    int heads = heads(layer, q);
    Buffer z = result(name, layer, heads);
    ops.add(new SequenceOp.Attention(layer, heads, scale, Window.ALL, 0, null, slopes, q, z));
    return z;
  }

  /** Causal convolution of each column, by a kernel [L, d], over a layer's cache. */
  public Buffer conv(String name, int layer, Weights kernel, Buffer x) {
    return conv(name, layer, null, kernel, x);
  }

  /** The same of what a recurrent layer reads, by a kernel [L, width]. */
  public Buffer recurrentConv(
      String name, int layer, SequenceOp.Part part, Weights kernel, Buffer x) {
    return conv(name, layer, part, kernel, x);
  }

  private Buffer conv(
      String name, int layer, SequenceOp.@Nullable Part part, Weights kernel, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new SequenceOp.Conv(layer, part, kernel, x, y));
    return y;
  }

  /**
   * Linear attention over a layer's states, as {@link SequenceOp.Recurrence} has it: [n, H · d_v].
   */
  public Buffer recurrence(
      String name,
      int layer,
      SequenceOp.Update update,
      SequenceOp.Grouping grouping,
      Weights a,
      @Nullable Weights skip,
      SequenceOp.Recurrence.Inputs inputs) {
    Buffer z = inputs.v().like(name);
    ops.add(new SequenceOp.Recurrence(layer, update, grouping, a, skip, inputs, z));
    return z;
  }

  private Buffer result(String name, int layer, int heads) {
    return new Buffer(name, Rows.TOKENS, heads * kv.keyValue(layer).dV());
  }

  private int heads(int layer, Buffer q) {
    return q.width() / kv.keyValue(layer).dH();
  }

  /** {@code f(x)}. */
  public Buffer activation(String name, Op.ActivationKind kind, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new Op.Activation(kind, x, null, y));
    return y;
  }

  /** {@code f(x) · up}. */
  public Buffer gated(String name, Op.ActivationKind kind, Buffer x, Buffer up) {
    Buffer y = x.like(name);
    ops.add(new Op.Activation(kind, x, up, y));
    return y;
  }

  /** {@code a · b}, element by element. */
  public Buffer multiply(String name, Buffer a, Buffer b) {
    return gated(name, Op.ActivationKind.IDENTITY, a, b);
  }

  /** {@code a + b}. */
  public Buffer add(String name, Buffer a, Buffer b) {
    Buffer y = a.like(name);
    ops.add(new Op.Add(a, b, y));
    return y;
  }

  /** x times a vector, element by element. */
  public Buffer gain(String name, Weights gain, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new OpenOp.Gain(x, gain, null, y));
    return y;
  }

  /**
   * Each row of x times a factor of its own: a sum of one slot.
   *
   * @param factors [rows, 1]
   */
  public Buffer scaleRows(String name, Buffer factors, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new ExpertOp.ExpertSum(x, factors, y));
    return y;
  }

  /** {@code factor · x}. */
  public Buffer scale(String name, float factor, Buffer x) {
    Buffer y = x.like(name);
    ops.add(new Op.Scale(x, factor, y));
    return y;
  }

  /** The soft cap {@code cap · tanh(x · (1 / cap))}, arXiv 2408.00118. */
  public Buffer softCap(String name, float cap, Buffer x) {
    Buffer scaled = scale(name + ".scaled", 1 / cap, x);
    return scale(name, cap, activation(name + ".tanh", Op.ActivationKind.TANH, scaled));
  }

  /** x, but at least {@code −limit} and at most {@code limit}. */
  public Buffer clamp(String name, float limit, Buffer x) {
    Buffer scaled = scale(name + ".scaled", 1 / limit, x);
    return scale(name, limit, activation(name + ".clamped", Op.ActivationKind.HARD_TANH, scaled));
  }

  /**
   * Where tokens go in a mixture of experts.
   *
   * @param experts the numbers of each token's experts [rows, k], as floats
   * @param weights of their results [rows, k]
   */
  public record Routes(Buffer experts, Buffer weights) {}

  /** Sends each token to k experts, as {@link ExpertOp.Route} does. */
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
   * Multiplies with the matrices [N, K] of each token's k experts, and adds their biases: [rows, k,
   * N].
   *
   * @param bias [E · N], or null
   * @param x a row of K for all experts of a token [rows, K], or one for each [rows, k, K]
   */
  public Buffer expertMatMul(
      String name, List<Weights> matrices, @Nullable Weights bias, Routes routes, Buffer x) {
    int k = routes.experts.width();
    Buffer y = new Buffer(name, x.rows(), Math.multiplyExact(k, matrices.getFirst().n()));
    Operand operand = matrices.getFirst().type().quantized() ? quantize(x) : x;
    ops.add(new ExpertOp.ExpertMatMul(matrices, bias, routes.experts, operand, y));
    return y;
  }

  /** Adds the results [rows, k, d] of each token's experts up, by their weights: [rows, d]. */
  public Buffer expertSum(String name, Routes routes, Buffer x) {
    Buffer y = new Buffer(name, x.rows(), x.width() / routes.weights.width());
    ops.add(new ExpertOp.ExpertSum(x, routes.weights, y));
    return y;
  }

  /** The rows of x that ask for logits. */
  public Buffer gather(String name, Buffer x) {
    Buffer y = new Buffer(name, Rows.LOGITS, x.width());
    ops.add(new Op.Gather(x, y));
    return y;
  }

  /** Keeps an activation's values until the next step. */
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
