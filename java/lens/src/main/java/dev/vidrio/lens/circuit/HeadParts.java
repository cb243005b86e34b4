package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.partial.HeadProjection;
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
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The linear parts of attention, head by head: from residual streams to queries, keys, values and
 * gates, and from z to the contribution of each head. Uses the operations and weights that serve.
 */
final class HeadParts implements AutoCloseable {
  /** Maximum rows per step. */
  private static final int ROWS = 48;

  private final HookMap hooks;
  private final Model model;
  private final int n;
  private final Arena arena = Arena.ofShared();
  private final Map<HookPoint, Projections> projections = new HashMap<>();
  private final List<HeadResults> results = new ArrayList<>();

  /** The contributions of a layer's heads, [n, H, d], where a norm follows their sum. */
  private final @Nullable MemorySegment together;

  /** The projections of a point by head, or all together if heads cannot be separated. */
  private record Projections(@Nullable HeadProjection byHead, @Nullable RowPlan together) {}

  /**
   * Prepares the parts.
   *
   * @param n maximum number of rows
   */
  HeadParts(Model model, int n) {
    this.model = model;
    this.n = n;
    this.hooks = HookMap.of(model);
    long width = 0;
    try {
      for (int l = 0; l < model.architecture().layers(); l++) {
        var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, l));
        results.add(new HeadResults(source, model.executor(), n));
        if (HeadOutputs.isTransformed(hooks, l)) {
          width = Math.max(width, (long) source.heads() * source.output().n());
        }
      }
      this.together = width == 0 ? null : arena.allocate(Math.multiplyExact(4L * n, width), 64);
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
    Projections plans = projections.computeIfAbsent(point, key -> projections(key, heads.length));
    int n = rows.size();
    int d = hooks.stream(point.layer()).width();
    long bytes = 4L * rows.width() / heads.length;
    if (plans.byHead != null) {
      for (int m = 0; m < inputs.size(); m++) {
        float[] input = inputs.get(m);
        int own = m;
        plans.byHead.run(
            n,
            (i, row) -> MemorySegment.copy(input, i * d, row, JAVA_FLOAT, 0, d),
            IntStream.range(0, heads.length).filter(h -> heads[h] == own).boxed().toList(),
            (h, begin, projected) -> {
              for (int i = 0; i < projected.byteSize() / bytes; i++) {
                MemorySegment target = rows.row(begin + i);
                MemorySegment.copy(projected, i * bytes, target, h * bytes, bytes);
              }
            });
      }
      return;
    }
    Objects.requireNonNull(plans.together)
        .run(
            inputs.size() * n,
            (i, row) -> MemorySegment.copy(inputs.get(i / n), i % n * d, row, JAVA_FLOAT, 0, d),
            (i, row) -> {
              MemorySegment target = rows.row(i % n);
              for (int h = 0; h < heads.length; h++) {
                if (heads[h] == i / n) {
                  MemorySegment.copy(row, h * bytes, target, h * bytes, bytes);
                }
              }
            });
  }

  private Projections projections(HookPoint point, int heads) {
    Buffer stream = hooks.stream(point.layer());
    Buffer projected = hooks.buffer(point);
    List<Op> path = hooks.between(stream, projected);
    int most = Math.min(ROWS, n);
    HeadProjection byHead =
        projected.rows() == Rows.TOKENS
            ? HeadProjection.of(model.executor(), stream, path, heads, most)
            : null;
    return new Projections(
        byHead,
        byHead == null ? new RowPlan(model.executor(), stream, path, projected, ROWS) : null);
  }

  /**
   * Computes the contributions of heads of a layer to the residual stream.
   *
   * @param z {@code hook_z}, [n, H · d_h]
   * @param wanted selects heads; others may be computed too if a norm follows their sum
   * @param target receives the contribution of head h, [n, d], in {@code target[first + h]}, which
   *     may be longer
   */
  void written(int layer, MemorySegment z, IntPredicate wanted, float[][] target, int first) {
    var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, layer));
    int[] some = IntStream.range(0, source.heads()).filter(wanted).toArray();
    if (some.length == 0) {
      return;
    }
    int d = source.output().n();
    if (!HeadOutputs.isTransformed(hooks, layer)) {
      results
          .get(layer)
          .run(
              z,
              some,
              (h, begin, rows) ->
                  MemorySegment.copy(
                      rows,
                      JAVA_FLOAT,
                      0,
                      target[first + h],
                      begin * d,
                      (int) rows.byteSize() / 4));
      return;
    }
    int n = Math.toIntExact(z.byteSize() / (4L * source.z().width()));
    int heads = source.heads();
    MemorySegment all = Objects.requireNonNull(together).asSlice(0, 4L * n * heads * d);
    results.get(layer).fill(z, all);
    HeadOutputs.write(hooks, layer, all);
    for (int h : some) {
      for (int i = 0; i < n; i++) {
        long at = 4L * d * ((long) i * heads + h);
        MemorySegment.copy(all, JAVA_FLOAT, at, target[first + h], i * d, d);
      }
    }
  }

  @Override
  public void close() {
    for (Projections plans : projections.values()) {
      if (plans.byHead != null) {
        plans.byHead.close();
      }
      if (plans.together != null) {
        plans.together.close();
      }
    }
    results.forEach(HeadResults::close);
    arena.close();
  }
}
