package dev.vidrio.formats.gguf;

import dev.vidrio.formats.file.AtomicFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * Writes GGUF files of version 3, one tensor at a time, so that memory holds at most one tensor.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF
 *     specification</a>
 */
public final class GgufWriter {

  private static final int VERSION = 3;
  private static final int ALIGNMENT = 32;

  private final ByteArrayOutputStream header = new ByteArrayOutputStream();

  private GgufWriter() {}

  /**
   * Writes a model. The file appears under its name only when it is complete.
   *
   * @param metadata the keys; {@code general.alignment} is replaced by the writer's alignment of 32
   * @param tensors the tensors, computed and written one after the other
   * @param progress receives the completed fraction, from 0 to 1
   * @throws IOException if the file cannot be written; no partial file remains then
   */
  public static void write(
      Path target, Metadata metadata, List<TensorSource> tensors, DoubleConsumer progress)
      throws IOException {
    GgufWriter writer = new GgufWriter();
    List<Long> offsets = offsets(tensors);
    byte[] header = writer.header(metadata, tensors, offsets);
    try (AtomicFile file = AtomicFile.create(target)) {
      file.write(ByteBuffer.wrap(header), 0);
      long total = tensors.stream().mapToLong(TensorSource::bytes).sum();
      long done = 0;
      for (int i = 0; i < tensors.size(); i++) {
        try (Arena arena = Arena.ofShared()) {
          write(file, tensors.get(i).data(arena), header.length + offsets.get(i));
        }
        done += tensors.get(i).bytes();
        progress.accept((double) done / total);
      }
      file.finish();
    }
  }

  private static void write(AtomicFile file, MemorySegment data, long position) throws IOException {
    long padded = align(data.byteSize());
    file.write(data, position);
    file.write(ByteBuffer.allocate((int) (padded - data.byteSize())), position + data.byteSize());
  }

  private static List<Long> offsets(List<TensorSource> tensors) {
    List<Long> offsets = new ArrayList<>(tensors.size());
    long offset = 0;
    for (TensorSource tensor : tensors) {
      offsets.add(offset);
      offset = Math.addExact(offset, align(tensor.bytes()));
    }
    return offsets;
  }

  private static long align(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  private byte[] header(Metadata metadata, List<TensorSource> tensors, List<Long> offsets) {
    Map<String, GgufValue> entries =
        MetadataBuilder.of(metadata).remove("general.alignment").build("").entries();
    header.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    int32(VERSION);
    int64(tensors.size());
    int64(entries.size());
    entries.forEach(
        (key, value) -> {
          string(key.getBytes(StandardCharsets.UTF_8));
          int32(value.type().id());
          value(value);
        });
    for (int i = 0; i < tensors.size(); i++) {
      TensorSource tensor = tensors.get(i);
      string(tensor.name().getBytes(StandardCharsets.UTF_8));
      int32(tensor.shape().size());
      tensor.shape().forEach(this::int64);
      int32(tensor.type().id());
      int64(offsets.get(i));
    }
    header.writeBytes(new byte[(int) (align(header.size()) - header.size())]);
    return header.toByteArray();
  }

  private void value(GgufValue value) {
    switch (value) {
      case GgufValue.Int number -> little(number.type().bytes(), number.value());
      case GgufValue.Real number ->
          little(
              number.type().bytes(),
              number.type() == GgufValueType.FLOAT32
                  ? Float.floatToRawIntBits((float) number.value())
                  : Double.doubleToRawLongBits(number.value()));
      case GgufValue.Bool bool -> header.write(bool.value() ? 1 : 0);
      case GgufValue.Text text -> string(text.utf8().toArray(ValueLayout.JAVA_BYTE));
      case GgufValue.Array array -> {
        int32(array.elementType().id());
        int64(array.length());
        header.writeBytes(array.data().toArray(ValueLayout.JAVA_BYTE));
      }
    }
  }

  private void string(byte[] utf8) {
    int64(utf8.length);
    header.writeBytes(utf8);
  }

  private void int32(int value) {
    little(Integer.BYTES, value);
  }

  private void int64(long value) {
    little(Long.BYTES, value);
  }

  private void little(int bytes, long value) {
    for (int i = 0; i < bytes; i++) {
      header.write((int) (value >>> (8 * i)));
    }
  }
}
