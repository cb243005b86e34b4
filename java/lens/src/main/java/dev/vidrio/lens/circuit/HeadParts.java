package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.partial.HeadResults;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The linear parts of attention, head by head: from residual streams to queries, keys, values and
 * gates, and from z to the contribution of each head. Uses the operations and weights that serve.
 */
final class HeadParts implements AutoCloseable {
  /** Maximum number of head inputs per run. */
  private static final int ROWS = 128;

  private final HookMap hooks;
  private final Model model;
  private final Arena arena = Arena.ofShared();
  private final Map<HookPoint, RowPlan> projections = new HashMap<>();
  private final List<HeadResults> results = new ArrayList<>();

  /** The contributions of a layer's heads, [n, H, d]. */
  private final MemorySegment written;

  /**
   * Prepares the parts.
   *
   * @param n maximum number of rows
   */
  HeadParts(Model model, int n) {
    this.model = model;
    this.hooks = HookMap.of(model);
    long width = 0;
    try {
      for (int l = 0; l < model.architecture().layers(); l++) {
        var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, l));
        results.add(new HeadResults(source, model.executor(), n));
        width = Math.max(width, (long) source.heads() * source.output().n());
      }
      this.written = arena.allocate(Math.multiplyExact(4L * n, width), 64);
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /**
   * Computes queries, keys, values or gates.
   *
   * @param point {@code hook_q}, {@code hook_k}, {@code hook_v} or {@code hook_gate} of a layer
   * @param inputs residual streams, each [n, d]
   * @param heads the index of each head's input, or −1 to leave the head unchanged
   * @param rows [n, heads · d_h], receives the result
   */
  void project(HookPoint point, List<float[]> inputs, int[] heads, StepRows rows) {
    if (inputs.isEmpty()) {
      return;
    }
    RowPlan plan = projections.computeIfAbsent(point, this::projection);
    int n = rows.size();
    int d = inputs.getFirst().length / n;
    plan.run(
        inputs.size() * n,
        (i, row) -> MemorySegment.copy(inputs.get(i / n), i % n * d, row, JAVA_FLOAT, 0, d),
        (i, row) -> {
          MemorySegment target = rows.row(i % n);
          long bytes = target.byteSize() / heads.length;
          for (int h = 0; h < heads.length; h++) {
            if (heads[h] == i / n) {
              MemorySegment.copy(row, h * bytes, target, h * bytes, bytes);
            }
          }
        });
  }

  private RowPlan projection(HookPoint point) {
    Buffer stream = hooks.stream(point.layer());
    Buffer projected = hooks.buffer(point);
    return new RowPlan(model.executor(), stream, hooks.between(stream, projected), projected, ROWS);
  }

  /**
   * Returns the contributions of heads of a layer to the residual stream, each [n, d], or null for
   * heads that are not wanted.
   *
   * @param z {@code hook_z}, [n, H · d_h]
   * @param wanted selects heads; all are computed if a norm follows their sum
   */
  float[] @Nullable [] written(int layer, MemorySegment z, IntPredicate wanted) {
    int heads = hooks.heads(layer);
    boolean all = HeadOutputs.isTransformed(hooks, layer);
    int[] some = IntStream.range(0, heads).filter(h -> all || wanted.test(h)).toArray();
    float[] @Nullable [] byHead = new float[heads][];
    if (some.length == 0) {
      return byHead;
    }
    var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, layer));
    int d = source.output().n();
    int n = Math.toIntExact(z.byteSize() / (4L * source.z().width()));
    MemorySegment target = written.asSlice(0, 4L * n * heads * d);
    results.get(layer).fill(z, some, target);
    HeadOutputs.write(hooks, layer, target);
    for (int h : some) {
      byHead[h] = new float[n * d];
      for (int i = 0; i < n; i++) {
        MemorySegment.copy(
            target, JAVA_FLOAT, 4L * d * ((long) i * heads + h), byHead[h], i * d, d);
      }
    }
    return byHead;
  }

  @Override
  public void close() {
    projections.values().forEach(RowPlan::close);
    results.forEach(HeadResults::close);
    arena.close();
  }
}
