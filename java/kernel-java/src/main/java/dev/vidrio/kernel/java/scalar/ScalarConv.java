package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.runtime.Convolution;
import java.lang.foreign.MemorySegment;

/** The convolution, as defined by docs/numerics.md. */
final class ScalarConv {
  private ScalarConv() {}

  /** Computes columns [begin, end) of all tokens. */
  static void run(Convolution conv, Batch batch, int begin, int end) {
    MemorySegment kernel = conv.op().kernel().data();
    MemorySegment rows = conv.cache().rows();
    for (int i = 0; i < batch.tokenCount(); i++) {
      int sequence = batch.sequence(i);
      int position = batch.position(i);
      long at = (long) i * conv.width();
      long own = conv.cache().row(batch, sequence, position);
      for (int c = begin; c < end; c++) {
        Elements.set(rows, own + c, Elements.get(conv.x(), at + c));
        float sum = 0;
        for (int t = conv.op().first(position); t <= position; t++) {
          float weight = Elements.get(kernel, conv.weights(position - t) + c);
          float x = Elements.get(rows, conv.cache().row(batch, sequence, t) + c);
          sum = Math.fma(weight, x, sum);
        }
        Elements.set(conv.y(), at + c, sum);
      }
    }
  }
}
