package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
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
    List<float[]> embeddings = new ArrayList<>();
    ModelMatrices.of(lens).effectiveEmbeddings(tokens, (token, row) -> embeddings.add(row));
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
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

  /** Returns the outputs of the heads of a layer, [n, H, d], for effective embeddings. */
  private MemorySegment outputs(int layer, List<float[]> embeddings, Arena arena) {
    hooks.requireOwnKeys("OV circuits");
    Buffer values = hooks.buffer(new HookPoint(HookSite.V, layer));
    var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, layer));
    MemorySegment v = arena.allocate(4L * n * values.width(), ALIGNMENT);
    Buffer stream = hooks.stream(layer);
    List<Op> ops = hooks.between(stream, values);
    try (var plan = new RowPlan(executor, stream, ops, values, Math.min(n, ROWS))) {
      plan.run(
          n,
          (i, row) -> row.copyFrom(MemorySegment.ofArray(embeddings.get(i))),
          (i, row) -> MemorySegment.copy(row, 0, v, i * row.byteSize(), row.byteSize()));
    }
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
