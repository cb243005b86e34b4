package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.resolve.HookMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Gradients of a metric with respect to each component's input from the residual stream, summed
 * over runs of texts of one length. Queries, keys, values and gates of a head are separate inputs;
 * a gradient flows back to the residual stream through its part of the model alone.
 */
final class EdgeGradients implements AutoCloseable {
  private final GradientSession session;
  private final int n;
  private final List<Layer> layers = new ArrayList<>();
  private final Map<Node.Destination, float[]> sums = new HashMap<>();

  /**
   * The hook points and parts of a layer.
   *
   * @param beforeMlp the input of its feed-forward block
   */
  private record Layer(
      int index,
      HookPoint beforeMlp,
      Map<HookPoint, Buffer> inputs,
      RowGradient attention,
      Buffer mlpOut,
      RowGradient mlp) {}

  /**
   * Opens the session.
   *
   * @param prefix common to all texts; gradients are those of the tokens after it
   * @param n number of tokens after the prefix
   * @param logits number of last tokens after which the metric reads logits
   */
  EdgeGradients(Lens lens, int[] prefix, int n, int logits) {
    this.n = n;
    int length = prefix.length + n;
    Executor executor = lens.model().executor();
    Plan plan = lens.model().architecture().plan(length);
    int count = lens.model().architecture().layers();
    var hooks = new HookMap(plan, count);
    String points =
        "hook_embed, *.hook_resid_pre, *.hook_q, *.hook_k, *.hook_v, *.hook_mlp_out,"
            + " blocks.-1.hook_resid_post"
            + (hooks.has(new HookPoint(HookSite.GATE, 0)) ? ", *.attn.hook_gate" : "")
            + (hooks.has(new HookPoint(HookSite.RESID_MID, 0)) ? ", *.hook_resid_mid" : "");
    this.session =
        GradientSession.open(
            lens, GradientOptions.of(points, length).withLogits(logits).withEditable("hook_embed"));
    try {
      session.prefix(prefix);
      for (int l = 0; l < count; l++) {
        layers.add(layer(executor, plan.kv(), hooks, l));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private Layer layer(Executor executor, KvShape kv, HookMap hooks, int l) {
    Map<HookPoint, Buffer> inputs = new LinkedHashMap<>();
    for (HookSite site : Node.HeadInput.sites(hooks, l)) {
      var point = new HookPoint(site, l);
      inputs.put(point, hooks.buffer(point));
    }
    Buffer pre = hooks.buffer(new HookPoint(HookSite.RESID_PRE, l));
    HookPoint beforeMlp = hooks.beforeMlp(l);
    Buffer out = hooks.buffer(new HookPoint(HookSite.MLP_OUT, l));
    List<Buffer> read = List.copyOf(inputs.values());
    List<Op> project = hooks.between(pre, read.toArray(Buffer[]::new));
    var attention = new RowGradient(executor, project, kv, pre, read, n);
    try {
      Buffer stream = hooks.buffer(beforeMlp);
      var mlp = new RowGradient(executor, hooks.between(stream, out), kv, stream, List.of(out), n);
      return new Layer(l, beforeMlp, inputs, attention, out, mlp);
    } catch (Throwable e) {
      attention.close();
      throw e;
    }
  }

  /** Returns the session of the runs. */
  GradientSession session() {
    return session;
  }

  /**
   * Adds the gradients of the session's last run.
   *
   * @param weight of the run
   */
  void add(double weight) {
    for (Layer layer : layers) {
      Activation pre = session.activation(new HookPoint(HookSite.RESID_PRE, layer.index));
      layer.inputs.forEach((point, buffer) -> heads(layer, point, buffer, pre, weight));
      layer
          .mlp
          .seed(layer.mlpOut)
          .copyFrom(session.gradient(new HookPoint(HookSite.MLP_OUT, layer.index)).data());
      run(layer.mlp, session.activation(layer.beforeMlp), new Node.Mlp(layer.index), weight);
    }
    var last = new HookPoint(HookSite.RESID_POST, layers.size() - 1);
    add(new Node.Logits(), session.gradient(last).toArray(), weight);
  }

  /** Adds the gradients of each head's queries, keys, values or gates. */
  private void heads(Layer layer, HookPoint input, Buffer buffer, Activation pre, double weight) {
    Activation gradient = session.gradient(input);
    int heads = gradient.shape().get(1);
    long headBytes = gradient.shape().get(2) * 4L;
    for (int h = 0; h < heads; h++) {
      layer.inputs.values().forEach(other -> layer.attention.seed(other).fill((byte) 0));
      MemorySegment seed = layer.attention.seed(buffer);
      for (int i = 0; i < n; i++) {
        long at = ((long) i * heads + h) * headBytes;
        MemorySegment.copy(gradient.data(), at, seed, at, headBytes);
      }
      run(layer.attention, pre, new Node.HeadInput(input.site(), layer.index, h), weight);
    }
  }

  private void run(RowGradient part, Activation x, Node.Destination destination, double weight) {
    var gradient = new float[Math.toIntExact(x.elements())];
    int d = gradient.length / n;
    part.run(
        n,
        (i, row) -> row.copyFrom(x.data().asSlice(i * row.byteSize(), row.byteSize())),
        (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, gradient, i * d, d));
    add(destination, gradient, weight);
  }

  private void add(Node.Destination destination, float[] gradient, double weight) {
    float[] sum = sums.computeIfAbsent(destination, ignored -> new float[gradient.length]);
    for (int i = 0; i < sum.length; i++) {
      sum[i] = (float) (sum[i] + weight * gradient[i]);
    }
  }

  /** Returns the summed gradient of a destination, [n, d]. */
  float[] sum(Node.Destination destination) {
    return Objects.requireNonNull(sums.get(destination), destination::name);
  }

  @Override
  public void close() {
    session.close();
    for (Layer layer : layers) {
      layer.attention.close();
      layer.mlp.close();
    }
  }
}
