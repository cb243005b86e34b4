package dev.vidrio.cli.lens.option;

import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of a file of directions, for edits. */
public final class TensorOutput {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.safetensors",
      description = "Write the directions to a file, for --edit of other commands.")
  private @Nullable Path output;

  /** Rejects other extensions and files that cannot be written, before any computation. */
  public void check() {
    if (output != null) {
      OutputFile.check(output, ".safetensors");
    }
  }

  /** Returns whether a file is requested. */
  public boolean isWanted() {
    return output != null;
  }

  /**
   * Writes f32 matrices atomically.
   *
   * @param model the name of the model
   * @param matrices rows of equal length by name
   */
  public void write(String model, Map<String, List<float[]>> matrices) throws IOException {
    write(Objects.requireNonNull(output), model, matrices);
  }

  /** Writes f32 matrices to a file, as {@link #write(String, Map)}. */
  public static void write(Path output, String model, Map<String, List<float[]>> matrices)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    matrices.forEach(
        (name, rows) -> {
          List<Long> shape = List.of((long) rows.size(), (long) rows.getFirst().length);
          entries.add(new Entry(name, Dtype.F32, shape));
        });
    try (var writer = SafetensorsWriter.create(output, entries, Map.of("model", model))) {
      for (Map.Entry<String, List<float[]>> matrix : matrices.entrySet()) {
        for (float[] row : matrix.getValue()) {
          writer.write(matrix.getKey(), row);
        }
      }
      writer.finish();
    }
  }
}
