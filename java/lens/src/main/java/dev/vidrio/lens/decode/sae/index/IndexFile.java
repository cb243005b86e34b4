package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.FileErrors;
import dev.vidrio.formats.file.JsonLine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A file of an index in JSON Lines: the {@linkplain IndexHeader description}, then the {@linkplain
 * FeatureRecord record} of each feature in order. The records of all features are never in memory
 * at once.
 */
public final class IndexFile {
  private final Path file;
  private final IndexHeader header;

  private IndexFile(Path file, IndexHeader header) {
    this.file = file;
    this.header = header;
  }

  /** Returns the description. */
  public IndexHeader header() {
    return header;
  }

  /**
   * Writes a file.
   *
   * @param model the name of the model
   * @throws IOException if the file cannot be written; an existing file is then unchanged
   */
  public static IndexFile write(Path file, FeatureIndex index, String model) throws IOException {
    IndexHeader header = index.header(model);
    try (var lines = new Lines(AtomicFile.create(file))) {
      lines.write(header);
      index.records(lines::write);
      lines.file.finish();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return new IndexFile(file, header);
  }

  /** Lines of a file that is written. */
  private static final class Lines implements AutoCloseable {
    final AtomicFile file;
    long position;

    Lines(AtomicFile file) {
      this.file = file;
    }

    void write(Object value) {
      byte[] line = JsonLine.write(value);
      try {
        file.write(ByteBuffer.wrap(line), position);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      position += line.length;
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  /**
   * Opens a file.
   *
   * @throws ModelFileException if it cannot be read, or its first line is not a description
   */
  public static IndexFile open(Path file) {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      return new IndexFile(file, read(file, lines, 1, IndexHeader.class));
    } catch (IOException e) {
      throw new ModelFileException(file.toString(), "", "", FileErrors.reason(e), e);
    }
  }

  /**
   * Passes the records of all features in order.
   *
   * @throws ModelFileException if a line is not the record of the next feature, or there are fewer
   *     than the description has
   */
  public void records(Consumer<FeatureRecord> taker) {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      var _ = lines.readLine();
      for (int f = 0; f < header.features(); f++) {
        FeatureRecord next = read(file, lines, f + 2, FeatureRecord.class);
        int windows = header.background().size();
        boolean valid = next.inactive().stream().allMatch(i -> i >= 0 && i < windows);
        if (next.feature() != f || !valid) {
          throw new ModelFileException(
              file.toString(),
              "line " + (f + 2),
              "feature " + next.feature(),
              "must be feature " + f + ", with inactive windows of the first line");
        }
        taker.accept(next);
      }
    } catch (IOException e) {
      throw new ModelFileException(file.toString(), "", "", FileErrors.reason(e), e);
    }
  }

  private static <T> T read(Path file, BufferedReader lines, int number, Class<T> type)
      throws IOException {
    String line = lines.readLine();
    if (line == null) {
      throw new ModelFileException(file.toString(), "line " + number, "", "is missing");
    }
    return JsonLine.read(file, number, line.getBytes(StandardCharsets.UTF_8), type, "an index");
  }
}
