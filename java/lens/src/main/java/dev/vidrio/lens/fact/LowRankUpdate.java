package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufWriter;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An update {@code Σ_i b_i a_iᵀ} of a weight matrix [N, K], as a low-rank adapter has it.
 *
 * @param tensor the name of the matrix in the model's file
 * @param a [r][K]
 * @param b [r][N]
 */
public record LowRankUpdate(String tensor, List<float[]> a, List<float[]> b) {
  /**
   * Checks the rank.
   *
   * @throws InvalidInputException if the rank is not supported
   */
  public LowRankUpdate {
    a = List.copyOf(a);
    b = List.copyOf(b);
    Preconditions.requireRange("rank of the update of " + tensor, a.size(), 1, LowRank.MAX_RANK);
    Preconditions.require(a.size() == b.size(), "rank of b", b.size(), "must be " + a.size());
  }

  /** Returns r. */
  public int rank() {
    return a.size();
  }

  /**
   * Writes updates of equal rank as an adapter (LoRA) in llama.cpp's GGUF format, with strength 1,
   * which {@code Model.openAdapter}, the server and other programs load.
   *
   * @throws IOException if the file cannot be written; no partial file remains then
   */
  public static void write(Path file, Model model, List<LowRankUpdate> updates) throws IOException {
    Preconditions.require(!updates.isEmpty(), "updates", 0, "must be at least 1");
    Metadata metadata =
        new MetadataBuilder()
            .string("general.type", "adapter")
            .string("general.architecture", model.architecture().name())
            .string("adapter.type", "lora")
            .real("adapter.lora.alpha", updates.getFirst().rank())
            .build(file.toString());
    List<TensorSource> tensors = new ArrayList<>();
    for (LowRankUpdate update : updates) {
      long rank = update.rank();
      List<Long> down = List.of((long) update.a.getFirst().length, rank);
      List<Long> up = List.of(rank, (long) update.b.getFirst().length);
      tensors.add(
          new TensorSource(
              update.tensor + ".lora_a", GgmlType.F32, down, memory -> rows(memory, update.a)));
      tensors.add(
          new TensorSource(
              update.tensor + ".lora_b", GgmlType.F32, up, memory -> columns(memory, update.b)));
    }
    GgufWriter.write(file, metadata, tensors, fraction -> {});
  }

  private static MemorySegment rows(SegmentAllocator memory, List<float[]> rows) {
    MemorySegment data = memory.allocate(4L * rows.size() * rows.getFirst().length, 4);
    for (int i = 0; i < rows.size(); i++) {
      float[] row = rows.get(i);
      MemorySegment.copy(row, 0, data, JAVA_FLOAT_UNALIGNED, 4L * i * row.length, row.length);
    }
    return data;
  }

  private static MemorySegment columns(SegmentAllocator memory, List<float[]> columns) {
    int rank = columns.size();
    int n = columns.getFirst().length;
    MemorySegment data = memory.allocate(4L * rank * n, 4);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < rank; j++) {
        data.setAtIndex(JAVA_FLOAT_UNALIGNED, (long) i * rank + j, columns.get(j)[i]);
      }
    }
    return data;
  }
}
