package dev.vidrio.lens.attribute;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.pass.BlockSession;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Value zeroing (Mohebbi et al. 2023, arXiv 2301.12971): the distance, 1 − cos, of the output of a
 * block when the values of one token are set to zero in all its heads. Each block runs alone, from
 * its input in the whole run, with a sequence per zeroed token.
 */
final class ValueZeroing implements AutoCloseable {
  /** Tokens per step, for texts up to this length. */
  private static final int BATCH = 512;

  private final int[] tokens;
  private final BlockSession blocks;

  ValueZeroing(Lens lens, int[] tokens) {
    this.tokens = tokens;
    HookMap.of(lens.model()).requireOwnKeys("value zeroing");
    int layers = lens.model().architecture().layers();
    int count = Math.clamp(BATCH / tokens.length, 1, tokens.length);
    int batch = Math.multiplyExact(count, tokens.length);
    var options = SessionOptions.exact(tokens.length, batch, count, 1);
    List<HookPoint> values = IntStream.range(0, layers).mapToObj(ValueZeroing::values).toList();
    this.blocks = new BlockSession(lens.model(), options, values, count);
  }

  private static HookPoint values(int layer) {
    return new HookPoint(HookSite.V, layer);
  }

  /**
   * Returns the distance of each token's state after a block without each token's values.
   *
   * @param whole a run with the residual streams before and after the block
   * @return [i][j], 1 − cos of token i without the values of j; j ≤ i
   */
  double[][] distances(ActivationCache whole, int layer) {
    var distances = new double[tokens.length][tokens.length];
    for (int begin = 0; begin < tokens.length; begin += blocks.sequences().size()) {
      int count = Math.min(blocks.sequences().size(), tokens.length - begin);
      run(whole.get(HookSite.RESID_PRE, layer), layer, begin, count);
      Activation output = whole.get(HookSite.RESID_POST, layer);
      Buffer buffer = blocks.output(layer);
      MemorySegment zeroed = blocks.session().data(buffer);
      for (int s = 0; s < count; s++) {
        for (int i = begin + s; i < tokens.length; i++) {
          long row = (long) s * tokens.length + i;
          float[] moved = row(zeroed, row, buffer.width());
          distances[i][begin + s] = Math.max(0, 1 - Vectors.cosine(output.row(i), moved));
        }
      }
    }
    return distances;
  }

  private static float[] row(MemorySegment rows, long i, int width) {
    long bytes = width * (long) Float.BYTES;
    return rows.asSlice(i * bytes, bytes).toArray(JAVA_FLOAT);
  }

  /** Runs a block for sequences without the values of one token each. */
  private void run(Activation input, int layer, int begin, int count) {
    List<Sequence> step = blocks.sequences().subList(0, count);
    Session session = blocks.session();
    session.begin();
    for (Sequence sequence : step) {
      sequence.truncate(0);
      for (int token : tokens) {
        session.add(sequence, token, false);
      }
    }
    blocks
        .tables()
        .set(
            IntStream.range(0, count)
                .mapToObj(s -> Intervention.zero(values(layer)).position(begin + s).in(step.get(s)))
                .toList());
    blocks.tables().assign(step);
    blocks.run(
        layer,
        blocks.end(layer),
        () -> {
          MemorySegment data = blocks.session().data(blocks.input(layer));
          for (int s = 0; s < count; s++) {
            long bytes = input.data().byteSize();
            MemorySegment.copy(input.data(), 0, data, s * bytes, bytes);
          }
        });
  }

  @Override
  public void close() {
    blocks.close();
  }
}
