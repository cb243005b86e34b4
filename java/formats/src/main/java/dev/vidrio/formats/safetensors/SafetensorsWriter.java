package dev.vidrio.formats.safetensors;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.formats.file.AtomicFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes a safetensors file incrementally, so that tensors larger than memory can be written.
 *
 * {@snippet file="FormatExamples.java" region="write"}
 *
 * <p>The file appears under its name only when {@link #finish} has succeeded. Not thread-safe.
 */
public final class SafetensorsWriter implements AutoCloseable {

  /**
   * The declaration of a tensor.
   *
   * @param name the name
   * @param dtype the element type
   * @param shape the dimensions, outermost first
   */
  public record Entry(String name, Dtype dtype, List<Long> shape) {
    /**
     * Copies the shape.
     *
     * @throws IllegalArgumentException if a dimension is negative
     */
    public Entry {
      shape = List.copyOf(shape);
      if (shape.stream().anyMatch(size -> size < 0)) {
        throw new IllegalArgumentException("tensor " + name + ": shape " + shape + " is negative");
      }
    }

    long bytes() {
      return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
    }
  }

  /** The byte range of a tensor in the file and the bytes written so far. */
  private static final class Progress {
    final long begin;
    final long total;
    long written;

    Progress(long begin, long total) {
      this.begin = begin;
      this.total = total;
    }
  }

  private final AtomicFile file;
  private final Map<String, Progress> tensors = new LinkedHashMap<>();

  private SafetensorsWriter(Path target, List<Entry> entries, Map<String, String> metadata)
      throws IOException {
    byte[] header = header(entries, metadata);
    long offset = (long) Long.BYTES + header.length;
    for (Entry entry : entries) {
      tensors.put(entry.name(), new Progress(offset, entry.bytes()));
      offset = Math.addExact(offset, entry.bytes());
    }
    this.file = AtomicFile.create(target);
    ByteBuffer start =
        ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
    try {
      file.write(start.putLong(header.length).put(header).flip(), 0);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  /**
   * Creates the temporary file and writes the header.
   *
   * @param entries the tensors of the file
   * @param metadata strings for the header's {@code __metadata__}
   * @throws IOException if the directory cannot be written, or the target is not a regular file
   */
  public static SafetensorsWriter create(
      Path target, List<Entry> entries, Map<String, String> metadata) throws IOException {
    return new SafetensorsWriter(target, entries, metadata);
  }

  /** Returns the header, padded with spaces so that tensors begin at a multiple of 8 bytes. */
  private static byte[] header(List<Entry> entries, Map<String, String> metadata) {
    Map<String, Object> json = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      json.put("__metadata__", metadata);
    }
    long offset = 0;
    for (Entry entry : entries) {
      long end = Math.addExact(offset, entry.bytes());
      Map<String, Object> tensor = new LinkedHashMap<>(); // a deterministic order
      tensor.put("dtype", entry.dtype().name());
      tensor.put("shape", entry.shape());
      tensor.put("data_offsets", List.of(offset, end));
      if (json.put(entry.name(), tensor) != null) {
        throw new IllegalArgumentException("tensor " + entry.name() + " appears twice");
      }
      offset = end;
    }
    String text = JsonMapper.shared().writeValueAsString(json);
    int length = text.getBytes(StandardCharsets.UTF_8).length;
    return (text + " ".repeat(Math.ceilDiv(length, 8) * 8 - length))
        .getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Appends bytes to a tensor.
   *
   * @param data little-endian elements
   * @throws IllegalArgumentException if the tensor is not declared or would exceed its size
   * @throws IOException if the file cannot be written
   */
  public void write(String name, MemorySegment data) throws IOException {
    Progress tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("tensor " + name + " is not among " + tensors.keySet());
    }
    long written = tensor.written + data.byteSize();
    if (written > tensor.total) {
      throw new IllegalArgumentException(
          "tensor " + name + " gets " + written + " bytes, but has " + tensor.total);
    }
    file.write(data, tensor.begin + tensor.written);
    tensor.written = written;
  }

  /**
   * Appends values to an F32 tensor.
   *
   * @throws IllegalArgumentException if the tensor is not declared or would exceed its size
   * @throws IOException if the file cannot be written
   */
  public void write(String name, float[] values) throws IOException {
    MemorySegment bytes = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    MemorySegment.copy(values, 0, bytes, JAVA_FLOAT_UNALIGNED, 0, values.length);
    write(name, bytes);
  }

  /**
   * Completes the file and gives it its name.
   *
   * @throws IllegalStateException if a tensor is incomplete
   * @throws IOException if the file cannot be written
   */
  public void finish() throws IOException {
    requireComplete();
    file.finish();
  }

  /**
   * Completes the file together with another one, which readers read first.
   *
   * @throws IllegalStateException if a tensor is incomplete
   * @throws IOException if a file cannot be written; both have their old contents then
   * @see AtomicFile#finish(AtomicFile, AtomicFile...)
   */
  @SuppressWarnings("exports") // for the modules that see AtomicFile
  public void finishAfter(AtomicFile first) throws IOException {
    finishAfter(first, List.of(this));
  }

  /**
   * Completes several files together with another one, which appears last.
   *
   * @throws IllegalStateException if a tensor is incomplete
   * @throws IOException if a file cannot be written; all have their old contents then
   * @see AtomicFile#finish(AtomicFile, AtomicFile...)
   */
  @SuppressWarnings("exports") // for the modules that see AtomicFile
  public static void finishAfter(AtomicFile first, List<SafetensorsWriter> writers)
      throws IOException {
    writers.forEach(SafetensorsWriter::requireComplete);
    AtomicFile.finish(
        first, writers.stream().map(writer -> writer.file).toArray(AtomicFile[]::new));
  }

  private void requireComplete() {
    tensors.forEach(
        (name, tensor) -> {
          if (tensor.written != tensor.total) {
            throw new IllegalStateException(
                "tensor " + name + " has " + tensor.written + " of " + tensor.total + " bytes");
          }
        });
  }

  /** Removes the temporary file unless {@link #finish} has succeeded. */
  @Override
  public void close() throws IOException {
    file.close();
  }
}
