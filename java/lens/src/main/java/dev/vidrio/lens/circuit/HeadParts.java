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

/**
 * The linear parts of attention, head by head: from residual streams to queries, keys, values and
 * gates, and from z to the contribution of each head. Uses the operations and weights that serve.
 */
final class HeadParts implements AutoCloseable {
  /** Maximum number of head inputs per run. */
  private static final int ROWS = 256;

  private final HookMap hooks;
  private final int n;
  private final Model model;
  private final Arena arena = Arena.ofShared();
  private final Map<HookPoint, RowPlan> projections = new HashMap<>();
  private final List<HeadResults> results = new ArrayList<>();
  private final List<MemorySegment> written = new ArrayList<>();

  /**
   * Prepares the parts.
   *
   * @param n number of positions
   */
  HeadParts(Model model, int n) {
    this.model = model;
    this.hooks = HookMap.of(model);
    this.n = n;
    try {
      for (int l = 0; l < model.architecture().layers(); l++) {
        var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, l));
        results.add(new HeadResults(source, model.executor(), n));
        written.add(arena.allocate(4L * n * source.heads() * source.output().n(), 64));
      }
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
   * @param heads the index of each head's input
   * @param rows [n, heads · d_h], receives the result
   */
  void project(HookPoint point, List<float[]> inputs, int[] heads, StepRows rows) {
    RowPlan plan = projections.computeIfAbsent(point, this::projection);
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
   * Returns the contributions of the heads of a layer to the residual stream, each [n, d].
   *
   * @param rows {@code hook_z}, [n, H · d_h]
   */
  float[][] written(int layer, StepRows rows) {
    MemorySegment all = written.get(layer);
    results.get(layer).fill(rows.data().asSlice(0, 4L * n * rows.width()), all);
    HeadOutputs.write(hooks, layer, all);
    int heads = hooks.heads(layer);
    int d = hooks.stream(layer).width();
    var byHead = new float[heads][n * d];
    for (int i = 0; i < n; i++) {
      for (int h = 0; h < heads; h++) {
        long at = 4L * d * ((long) i * heads + h);
        MemorySegment.copy(all, JAVA_FLOAT, at, byHead[h], i * d, d);
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
