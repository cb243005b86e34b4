package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.ScalarExperts;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.Packing;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The products of slots with the matrices of their experts, by the kernels of ordinary products. It
 * multiplies one row at a time, expert by expert, so that the weights of an expert stay in the
 * cache.
 */
public record ExpertProduct(
    ExpertOp.ExpertMatMul op,
    MemorySegment experts,
    @Nullable MemorySegment x,
    @Nullable Quantized quantized,
    MemorySegment y) {
  /** Creates a product of floats. */
  public ExpertProduct(
      ExpertOp.ExpertMatMul op, MemorySegment experts, MemorySegment x, MemorySegment y) {
    this(op, experts, x, null, y);
  }

  /** Creates a product of quantized activations. */
  public ExpertProduct(
      ExpertOp.ExpertMatMul op, MemorySegment experts, Quantized x, MemorySegment y) {
    this(op, experts, null, x, y);
  }

  /** Computes groups [begin, end) of 16 columns of y. */
  public void run(ScalarKernels kernels, int rows, int begin, int end) {
    int slots = rows * op.slots();
    for (int slot = 0; slot < slots; slot++) {
      if (ScalarExperts.expert(experts, slot, op.matrices().size()) < 0) {
        for (int n = begin * Packing.ROWS; n < Math.min(op.n(), end * Packing.ROWS); n++) {
          Elements.set(y, (long) slot * op.n() + n, 0);
        }
      }
    }
    for (int expert = 0; expert < op.matrices().size(); expert++) {
      for (int slot = 0; slot < slots; slot++) {
        if (Elements.get(experts, slot) == expert) {
          multiply(kernels, expert, slot, begin, end);
        }
      }
    }
  }

  private void multiply(ScalarKernels kernels, int expert, int slot, int begin, int end) {
    long row = op.shared() ? slot / op.slots() : slot;
    MemorySegment to = floats(y, slot, op.n());
    if (quantized != null) {
      kernels.matMul(op.matrices().get(expert), row(quantized, row), to, 1, begin, end);
    } else if (x != null) {
      kernels.matMul(
          op.arithmetic(), op.matrices().get(expert), floats(x, row, op.k()), to, 1, begin, end);
    }
    if (op.bias() != null) {
      long first = (long) expert * op.n();
      for (int n = begin * Packing.ROWS; n < Math.min(op.n(), end * Packing.ROWS); n++) {
        Elements.set(to, n, Elements.get(to, n) + Elements.get(op.bias().data(), first + n));
      }
    }
  }

  private Quantized row(Quantized rows, long row) {
    int blocks = op.k() / QuantizedBuffer.BLOCK;
    return new Quantized(
        rows.q().asSlice(row * op.k(), op.k()),
        floats(rows.scale(), row, blocks),
        floats(rows.sum(), row, op.k() / QuantizedBuffer.SUM_BLOCK),
        floats(rows.scaledSum(), row, blocks));
  }

  /** Returns a row of elements of 4 bytes. */
  private static MemorySegment floats(MemorySegment rows, long row, int width) {
    long bytes = (long) width * Float.BYTES;
    return rows.asSlice(row * bytes, bytes);
  }
}
