package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.runtime.Convolution;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The convolution with the Vector API, on vectors of columns. */
final class VectorConv {
  private VectorConv() {}

  /** Computes columns [begin, end), which fill whole vectors, of all tokens. */
  static void run(Convolution conv, Batch batch, int begin, int end) {
    for (int i = 0; i < batch.tokenCount(); i++) {
      token(conv, batch, i, begin, end);
    }
  }

  private static void token(Convolution conv, Batch batch, int i, int begin, int end) {
    MemorySegment kernel = conv.op().kernel().data();
    MemorySegment rows = conv.cache().rows();
    int position = batch.position(i);
    long at = (long) i * conv.width();
    long own = conv.cache().row(batch, batch.sequence(i), position);
    for (int c = begin; c < end; c += LENGTH) {
      Vectors.store(Vectors.load(conv.x(), at + c), rows, own + c);
      Vectors.store(FloatVector.zero(FLOATS), conv.y(), at + c);
    }
    for (int t = conv.op().first(position); t <= position; t++) {
      long row = conv.cache().row(batch, batch.sequence(i), t);
      long weights = conv.weights(position - t);
      for (int c = begin; c < end; c += LENGTH) {
        FloatVector sum = Vectors.load(conv.y(), at + c);
        FloatVector x = Vectors.load(rows, row + c);
        Vectors.store(Vectors.load(kernel, weights + c).fma(x, sum), conv.y(), at + c);
      }
    }
  }
}
