package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Parses a safetensors file. A file that is accepted is written and parsed again: metadata, types,
 * shapes and data are equal, and the second file that is written is, byte for byte, the first.
 */
public final class SafetensorsHarness {
  private static final Path FILE = Fixtures.scratch().resolve("written.safetensors");

  private SafetensorsHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    Safetensors file;
    try {
      file = Safetensors.parse("input.safetensors", MemorySegment.ofArray(data));
    } catch (ModelFileException e) {
      Oracle.requireOneLine(e);
      return;
    }
    byte[] first = written(file);
    Safetensors again = Safetensors.parse("written.safetensors", MemorySegment.ofArray(first));
    Oracle.requireEqual(file.metadata(), again.metadata(), "metadata");
    Oracle.requireEqual(
        file.tensors().toString(), again.tensors().toString(), "tensors written and parsed");
    for (int i = 0; i < file.tensors().size(); i++) {
      MemorySegment one = file.tensors().get(i).data();
      Oracle.require(one.mismatch(again.tensors().get(i).data()) < 0, "data of tensor " + i);
    }
    Oracle.require(Arrays.equals(first, written(again)), "the second file differs");
  }

  private static byte[] written(Safetensors file) {
    List<SafetensorsWriter.Entry> entries =
        file.tensors().stream()
            .map(each -> new SafetensorsWriter.Entry(each.name(), each.dtype(), each.shape()))
            .toList();
    try (var writer = SafetensorsWriter.create(FILE, entries, file.metadata())) {
      for (SafetensorsTensor tensor : file.tensors()) {
        writer.write(tensor.name(), tensor.data());
      }
      writer.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Fixtures.read(FILE);
  }

  /** Returns small files. */
  public static List<byte[]> seeds() {
    return List.of(
        file("{}", 0),
        file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24),
        file(
            "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[1,2,2],\"data_offsets\":[4,12]},"
                + "\"c\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                + "\"d\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]},"
                + "\"e\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[20,20]}}",
            20));
  }

  private static byte[] file(String header, int data) {
    byte[] json = header.getBytes(UTF_8);
    return ByteBuffer.allocate(Long.BYTES + json.length + data)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }
}
