package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.BatchGradients;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.HeadGradients;
import dev.vidrio.lens.partial.HeadProjection;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.resolve.HookMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Gradients of metrics with respect to each component's input from the residual stream, summed over
 * runs of a batch of texts. Queries, keys, values and gates of a head are separate inputs; a
 * gradient flows back to the residual stream through its part of the model alone.
 *
 * <p>The backward pass of the model gives the gradients with respect to the products of the
 * projections and to the norm before the feed-forward block. Each head's rows of a projection, and
 * the norm, take them to the stream. Where heads mix after a projection, or the block does not
 * begin with a norm of its own, the part from the stream on runs again with the gradient of one
 * input at a time.
 */
final class EdgeGradients implements AutoCloseable {
  /** Maximum rows per step of the parts. */
  private static final int ROWS = 48;

  /** Elements that are added at a time. */
  private static final int CHUNK = 4096;

  private static final ThreadLocal<float[]> CHUNKS =
      ThreadLocal.withInitial(() -> new float[CHUNK]);

  private final HookMap hooks;
  private final BatchGradients session;
  private final HeadParts heads;
  private final List<Layer> layers = new ArrayList<>();
  private final Buffer last;
  private final Buffer embed;
  private final int d;

  /** The sums by destination, in the order of the graph: [rows, d]. */
  private final float[][] sums;

  /** The number of rows of the current batch. */
  private int rows;

  /** The kind of the runs of a batch. */
  enum Runs {
    /** Runs of the model. */
    MODEL,
    /** Runs in which the output of one part of the model is overwritten, and has no gradient. */
    CUT,
    /** Runs in which each component has an input of its own. */
    SEPARATE
  }

  /** An input of heads: the gradient of {@code at} with respect to the stream is needed. */
  record Site(Buffer at, int heads) {}

  /** The parts of a layer; one of {@code byHead} and {@code attention} is null. */
  record Layer(
      Buffer pre,
      List<Site> sites,
      @Nullable HeadGradients byHead,
      @Nullable RowGradient attention,
      Buffer beforeMlp,
      Buffer mlpAt,
      RowGradient mlp,
      Buffer z,
      Buffer mlpOut) {}

  /** A layer before the parts exist. */
  private record Sketch(
      Buffer pre,
      List<Site> sites,
      List<HeadGradients.Projection> projections,
      Op.@Nullable Norm norm,
      List<Op> attention,
      Buffer beforeMlp,
      Buffer mlpAt,
      List<Op> mlp,
      Buffer z,
      Buffer mlpOut) {}

  /**
   * Prepares runs.
   *
   * @param batches all batches that will run
   * @param runs if they are cut or separate, gradients are cut at outputs of attention and
   *     feed-forward blocks
   */
  EdgeGradients(Lens lens, ComponentGraph graph, List<PairBatch> batches, Runs runs) {
    int most = PairBatch.mostRows(batches);
    int positions = PairBatch.positions(batches);
    Executor executor = lens.model().executor();
    int count = lens.model().architecture().layers();
    Plan plan = lens.model().architecture().plan(positions);
    this.hooks = new HookMap(plan, count);
    this.last = hooks.buffer(new HookPoint(HookSite.RESID_POST, count - 1));
    this.embed = hooks.buffer(HookPoint.of(HookSite.EMBED));
    this.d = last.width();
    this.sums = new float[graph.destinations().size()][Math.multiplyExact(most, d)];
    List<Sketch> sketches = new ArrayList<>();
    Set<Buffer> wanted = new HashSet<>(Set.of(last));
    Set<Buffer> kept = new HashSet<>(Set.of(last, embed));
    Set<Buffer> cut = new HashSet<>();
    for (int l = 0; l < count; l++) {
      Sketch sketch = sketch(plan, graph, l);
      sketches.add(sketch);
      sketch.sites.forEach(site -> wanted.add(site.at));
      wanted.add(sketch.mlpAt);
      kept.addAll(List.of(sketch.pre, sketch.beforeMlp, sketch.z, sketch.mlpOut));
      if (runs != Runs.MODEL) {
        cut.addAll(List.of(sketch.z, sketch.mlpOut));
      }
      if (runs == Runs.SEPARATE) {
        sketch.sites.forEach(site -> kept.add(site.at));
        kept.add(OutputGradients.product(hooks, l));
      }
    }
    this.heads = new HeadParts(lens.model(), most);
    try {
      this.session =
          new BatchGradients(
              lens,
              plan,
              hooks.buffer(HookPoint.of(HookSite.LOGITS)),
              wanted,
              kept,
              cut,
              most,
              PairBatch.mostLogits(batches),
              PairBatch.mostPairs(batches),
              positions);
    } catch (Throwable e) {
      heads.close();
      throw e;
    }
    try {
      int chunk = Math.min(most, ROWS);
      for (Sketch sketch : sketches) {
        layers.add(layer(executor, plan, sketch, chunk, runs == Runs.SEPARATE));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private Sketch sketch(Plan plan, ComponentGraph graph, int l) {
    Buffer pre = hooks.stream(l);
    List<Site> byProduct = new ArrayList<>();
    List<Site> byHook = new ArrayList<>();
    List<HeadGradients.Projection> projections = new ArrayList<>();
    Set<Op.@Nullable Norm> norms = new HashSet<>();
    boolean divides = true;
    for (HookSite site : Node.HeadInput.sites(hooks, l)) {
      Buffer at = hooks.buffer(new HookPoint(site, l));
      int count = graph.inputs(site, l).size();
      byHook.add(new Site(at, count));
      List<Op> path = hooks.between(pre, at);
      Op.MatMul product = HeadProjection.product(path, pre, count);
      var projection =
          product == null ? null : new HeadGradients.Projection(product.weights(), count);
      if (product == null || projection == null || !projection.divides()) {
        divides = false;
        continue;
      }
      byProduct.add(new Site(product.y(), count));
      projections.add(projection);
      norms.add(path.getFirst() instanceof Op.Norm norm ? norm : null);
    }
    divides &= norms.size() == 1;
    List<Op> attention = hooks.between(pre, byHook.stream().map(Site::at).toArray(Buffer[]::new));
    Buffer stream = hooks.buffer(hooks.beforeMlp(l));
    Buffer out = hooks.buffer(new HookPoint(HookSite.MLP_OUT, l));
    List<Op> mlp = hooks.between(stream, out);
    Op.Norm norm = ownNorm(plan, mlp, stream);
    return new Sketch(
        pre,
        divides ? byProduct : byHook,
        divides ? projections : List.of(),
        divides ? norms.iterator().next() : null,
        attention,
        stream,
        norm == null ? out : norm.y(),
        norm == null ? mlp : List.of(norm),
        hooks.buffer(new HookPoint(HookSite.Z, l)),
        out);
  }

  /** Returns the norm through which alone a feed-forward block reads the stream, or null. */
  private static Op.@Nullable Norm ownNorm(Plan plan, List<Op> mlp, Buffer stream) {
    List<Op> readers = mlp.stream().filter(op -> op.reads().contains(stream)).toList();
    return readers.size() == 1
            && readers.getFirst() instanceof Op.Norm norm
            && norm.heads() == 1
            && plan.ops().stream()
                .allMatch(op -> mlp.contains(op) || !op.reads().contains(norm.y()))
        ? norm
        : null;
  }

  private static Layer layer(
      Executor executor, Plan plan, Sketch sketch, int rows, boolean separate) {
    List<Buffer> read = sketch.sites.stream().map(Site::at).toList();
    HeadGradients byHead = null;
    RowGradient attention = null;
    if (sketch.projections.isEmpty()) {
      attention = new RowGradient(executor, sketch.attention, plan.kv(), sketch.pre, read, rows);
    } else {
      byHead =
          new HeadGradients(executor, sketch.pre, sketch.norm, sketch.projections, rows, separate);
    }
    try {
      var mlp =
          new RowGradient(
              executor, sketch.mlp, plan.kv(), sketch.beforeMlp, List.of(sketch.mlpAt), rows);
      return new Layer(
          sketch.pre,
          sketch.sites,
          byHead,
          attention,
          sketch.beforeMlp,
          sketch.mlpAt,
          mlp,
          sketch.z,
          sketch.mlpOut);
    } catch (Throwable e) {
      if (byHead != null) {
        byHead.close();
      }
      if (attention != null) {
        attention.close();
      }
      throw e;
    }
  }

  /** Returns the session of the runs. */
  BatchGradients session() {
    return session;
  }

  /** Begins a batch: sets all sums to 0 and runs the prefixes. */
  void begin(PairBatch batch) {
    rows = batch.rowCount();
    for (float[] sum : sums) {
      Arrays.fill(sum, 0, rows * d, 0);
    }
    session.prefixes(batch.prefixTokens());
  }

  /** Returns the hook points of the plan that runs. */
  HookMap hooks() {
    return hooks;
  }

  /** Returns the parts of a layer. */
  Layer layer(int layer) {
    return layers.get(layer);
  }

  /** Returns the residual stream after the last block. */
  Buffer last() {
    return last;
  }

  /**
   * Copies the outputs of a layer's heads in the last run.
   *
   * @param target an array for each head, [rows, d], which may be longer
   */
  void headOutputs(int layer, float[][] target) {
    heads.written(layer, session.values(layers.get(layer).z), h -> true, target, 0);
  }

  /** Returns the number of elements of an activation in the current batch. */
  int length(Buffer buffer) {
    return rows * buffer.width();
  }

  /** Returns the embedding. */
  Buffer embed() {
    return embed;
  }

  /** Returns {@code hook_z} of a layer. */
  Buffer z(int layer) {
    return layers.get(layer).z;
  }

  /** Returns the output of the feed-forward block of a layer. */
  Buffer mlpOut(int layer) {
    return layers.get(layer).mlpOut;
  }

  /** Returns the number of layers. */
  int layerCount() {
    return layers.size();
  }

  /**
   * Returns the residual streams of the last run that destinations read, in the order of a forward
   * pass: of each layer's heads and feed-forward block, then of the logits.
   */
  List<float[]> streams() {
    List<float[]> streams = new ArrayList<>();
    for (Layer layer : layers) {
      streams.add(values(layer.pre));
      streams.add(values(layer.beforeMlp));
    }
    streams.add(values(last));
    return streams;
  }

  private float[] values(Buffer buffer) {
    return session.values(buffer).toArray(JAVA_FLOAT);
  }

  /**
   * Copies the output of each source in the last run, [rows, d], without position embeddings.
   *
   * @param target an array for each source, which may be longer
   */
  void outputs(float[][] target) {
    copy(embed, target[0]);
    int source = 1;
    for (int l = 0; l < layers.size(); l++) {
      Layer layer = layers.get(l);
      heads.written(l, session.values(layer.z), h -> true, target, source);
      source += hooks.heads(l);
      copy(layer.mlpOut, target[source++]);
    }
  }

  private void copy(Buffer buffer, float[] target) {
    MemorySegment values = session.values(buffer);
    MemorySegment.copy(values, JAVA_FLOAT, 0, target, 0, (int) (values.byteSize() / 4));
  }

  /**
   * Adds the gradients of the session's last run.
   *
   * @param weight of the run
   */
  void add(float weight) {
    int destination = 0;
    for (Layer layer : layers) {
      destination = addHeads(layer, destination, List.of(session.values(layer.pre)), weight);
      addMlp(layer, destination++, session.gradient(layer.mlpAt), weight);
    }
    addLogits(destination, weight);
  }

  /** Adds the gradient of the stream that the logits are computed from. */
  void addLogits(int destination, float weight) {
    add(destination, 0, session.gradient(last), weight);
  }

  /**
   * Adds the gradients of a layer's head inputs and returns the index of the next destination.
   *
   * @param inputs the input of all heads' sites, or of each in order, [rows, d]
   */
  int addHeads(Layer layer, int first, List<MemorySegment> inputs, float weight) {
    List<MemorySegment> gradients =
        layer.sites.stream().map(site -> session.gradient(site.at)).toList();
    int count = layer.sites.stream().mapToInt(Site::heads).sum();
    if (layer.byHead != null) {
      layer.byHead.run(
          rows, inputs, gradients, (head, begin, dx) -> add(first + head, begin, dx, weight));
      return first + count;
    }
    RowGradient attention = Objects.requireNonNull(layer.attention);
    int destination = first;
    for (int s = 0; s < layer.sites.size(); s++) {
      for (int h = 0; h < layer.sites.get(s).heads; h++) {
        int own = destination++;
        MemorySegment input = inputs.get(inputs.size() == 1 ? 0 : own - first);
        int site = s;
        int head = h;
        attention.run(
            rows,
            (i, row) -> copy(input, i, row),
            begin -> seed(layer, attention, site, head, begin, gradients.get(site)),
            (i, row) -> add(own, i, row, weight));
      }
    }
    return destination;
  }

  /** Fills the seeds of a run with the gradient of one head. */
  private void seed(
      Layer layer, RowGradient attention, int s, int head, int begin, MemorySegment gradient) {
    layer.sites.forEach(site -> attention.seed(site.at).fill((byte) 0));
    Site site = layer.sites.get(s);
    MemorySegment seed = attention.seed(site.at);
    long width = 4L * site.at.width();
    long headBytes = width / site.heads;
    long count = Math.min(seed.byteSize() / width, rows - begin);
    for (long i = 0; i < count; i++) {
      long at = head * headBytes;
      MemorySegment.copy(gradient, (begin + i) * width + at, seed, i * width + at, headBytes);
    }
  }

  /**
   * Adds the gradient of a feed-forward block's input.
   *
   * @param gradient with respect to {@code mlpAt}
   */
  void addMlp(Layer layer, int destination, MemorySegment gradient, float weight) {
    MemorySegment x = session.values(layer.beforeMlp);
    MemorySegment seed = layer.mlp.seed(layer.mlpAt);
    long width = 4L * layer.mlpAt.width();
    layer.mlp.run(
        rows,
        (i, row) -> copy(x, i, row),
        begin -> {
          long bytes = Math.min(seed.byteSize(), (rows - begin) * width);
          MemorySegment.copy(gradient, begin * width, seed, 0, bytes);
        },
        (i, row) -> add(destination, i, row, weight));
  }

  private static void copy(MemorySegment rows, int i, MemorySegment row) {
    MemorySegment.copy(rows, i * row.byteSize(), row, 0, row.byteSize());
  }

  /** Adds rows of a gradient, from row {@code begin}. */
  private void add(int destination, int begin, MemorySegment gradient, float weight) {
    float[] sum = sums[destination];
    int length = (int) (gradient.byteSize() / 4);
    for (int from = 0; from < length; from += CHUNK) {
      // A copy in an array of the thread, since a loop over both kinds of memory is not vectorized.
      float[] values = CHUNKS.get();
      int count = Math.min(CHUNK, length - from);
      MemorySegment.copy(gradient, JAVA_FLOAT, 4L * from, values, 0, count);
      int at = begin * d + from;
      for (int i = 0; i < count; i++) {
        sum[at + i] += weight * values[i];
      }
    }
  }

  /** Returns the summed gradient of a destination, [rows, d]; the array may be longer. */
  float[] sum(int destination) {
    return sums[destination];
  }

  @Override
  public void close() {
    session.close();
    heads.close();
    for (Layer layer : layers) {
      if (layer.byHead != null) {
        layer.byHead.close();
      }
      if (layer.attention != null) {
        layer.attention.close();
      }
      layer.mlp.close();
    }
  }
}
