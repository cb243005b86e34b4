package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.partial.HeadResults;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes the output of heads that attend to a single token: the full OV circuit {@code W_E W_OV
 * W_U} (Elhage et al. 2021; section 2.1 of the primer, arXiv 2405.00208) of effective embeddings,
 * which include the output of the first feed-forward block, where models assemble words from tokens
 * (Wang et al. 2023, arXiv 2211.00593; Gould et al. 2023, arXiv 2312.09230). Norms are applied as
 * in the model, with the weights that serve.
 */
final class OvCircuits {
  /** Rows per step. */
  private static final int ROWS = 256;

  private static final long ALIGNMENT = 64;

  private final Lens lens;
  private final HookMap hooks;
  private final Executor executor;
  private final int n;

  private OvCircuits(Lens lens, int n) {
    this.lens = lens;
    this.hooks = HookMap.of(lens.model());
    this.executor = lens.model().executor();
    this.n = n;
  }

  /** Receives logits. */
  @FunctionalInterface
  interface RowConsumer {
    /**
     * Receives the output of a head for a token.
     *
     * @param i the index of the token
     * @param logits [V] f32, valid during the call
     */
    void take(int layer, int head, int i, MemorySegment logits);
  }

  /** Passes the output of every head for each of some tokens. */
  static void logits(Lens lens, int[] tokens, RowConsumer taker) {
    var circuits = new OvCircuits(lens, tokens.length);
    try (var arena = Arena.ofShared();
        Unembedding unembedding = Unembedding.of(lens.model())) {
      MemorySegment embeddings = circuits.embeddings(tokens, arena);
      for (int l = 0; l < lens.model().architecture().layers(); l++) {
        int layer = l;
        int heads = circuits.hooks.heads(l);
        if (heads == 0) {
          continue;
        }
        try (var temporary = Arena.ofShared()) {
          unembedding.logits(
              circuits.outputs(l, embeddings, temporary),
              (row, logits) -> taker.take(layer, row % heads, row / heads, logits));
        }
      }
    }
  }

  /** Returns effective embeddings, [n, d]. */
  private MemorySegment embeddings(int[] tokens, Arena arena) {
    List<float[]> rows = new ArrayList<>();
    ModelMatrices.of(lens).effectiveEmbeddings(tokens, (token, row) -> rows.add(row));
    int d = hooks.stream(0).width();
    MemorySegment all = arena.allocate(4L * d * n, ALIGNMENT);
    for (int i = 0; i < n; i++) {
      MemorySegment.copy(rows.get(i), 0, all, JAVA_FLOAT, 4L * d * i, d);
    }
    return all;
  }

  /** Computes an activation of the plan from rows of another. */
  private void through(Buffer from, Buffer to, MemorySegment x, MemorySegment y) {
    long in = 4L * from.width();
    long out = 4L * to.width();
    int rows = Math.min(n, ROWS);
    try (var plan = new RowPlan(executor, from, hooks.between(from, to), to, rows)) {
      plan.run(
          n,
          (i, row) -> MemorySegment.copy(x, i * in, row, 0, in),
          (i, row) -> MemorySegment.copy(row, 0, y, i * out, out));
    }
  }

  /** Returns the outputs of the heads of a layer, [n, H, d]. */
  private MemorySegment outputs(int layer, MemorySegment embeddings, Arena arena) {
    hooks.requireOwnKeys("OV circuits");
    Buffer values = hooks.buffer(new HookPoint(HookSite.V, layer));
    var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, layer));
    MemorySegment v = arena.allocate(4L * n * values.width(), ALIGNMENT);
    through(hooks.stream(layer), values, embeddings, v);
    MemorySegment z = arena.allocate(4L * n * source.z().width(), ALIGNMENT);
    int heads = source.heads();
    long width = 4L * source.z().width() / heads;
    long group = source.z().width() / values.width();
    for (long i = 0; i < (long) n * heads; i++) {
      MemorySegment.copy(v, i / group * width, z, i * width, width);
    }
    multiply(z, ModelMatrices.of(lens).gainBefore(new HookPoint(HookSite.ATTN_OUT, layer)));
    int d = source.output().n();
    MemorySegment written = arena.allocate(4L * n * heads * d, ALIGNMENT);
    HeadResults.fill(source, executor, z, written);
    HeadOutputs.write(hooks, layer, written);
    return written;
  }

  /** Multiplies rows by the gain of a norm, without its divisor, which depends on a run. */
  private static void multiply(MemorySegment rows, float[] gain) {
    long count = rows.byteSize() / Float.BYTES;
    for (long i = 0; i < count; i++) {
      float product = rows.getAtIndex(JAVA_FLOAT, i) * gain[(int) (i % gain.length)];
      rows.setAtIndex(JAVA_FLOAT, i, product);
    }
  }
}
