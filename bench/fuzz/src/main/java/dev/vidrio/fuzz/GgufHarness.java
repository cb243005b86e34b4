package dev.vidrio.fuzz;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.GgufWriter;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.formats.testfiles.SampleFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Parses a GGUF file and reads every value. A file that is accepted is written and parsed again:
 * the values are equal, and the second file that is written is, byte for byte, the first.
 */
public final class GgufHarness {
  private static final Path FILE = Fixtures.scratch().resolve("written.gguf");

  private GgufHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    Gguf gguf;
    try {
      gguf = Gguf.parse("input.gguf", MemorySegment.ofArray(data));
    } catch (ModelFileException | UnsupportedModelException e) {
      Oracle.requireOneLine(e);
      return;
    }
    for (GgufTensor tensor : gguf.tensors()) {
      Oracle.require(
          tensor.offset() + tensor.data().byteSize() <= data.length,
          tensor + " ends after the file");
    }
    byte[] first = written(gguf);
    Gguf again = Gguf.parse("written.gguf", MemorySegment.ofArray(first));
    requireEqual(gguf, again, "written and parsed");
    Oracle.require(Arrays.equals(first, written(again)), "the second file differs");
  }

  /** Requires equal values, tensors and data. */
  static void requireEqual(Gguf one, Gguf other, String names) {
    Oracle.requireEqual(listed(one), listed(other), names);
    for (int i = 0; i < one.tensors().size(); i++) {
      GgufTensor tensor = one.tensors().get(i);
      Oracle.require(
          tensor.data().mismatch(other.tensors().get(i).data()) < 0, "data of " + tensor);
    }
  }

  private static byte[] written(Gguf gguf) {
    List<TensorSource> tensors = gguf.tensors().stream().map(TensorSource::of).toList();
    try {
      GgufWriter.write(FILE, gguf.metadata(), tensors, _ -> {});
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Fixtures.read(FILE);
  }

  /** Returns all values and tensors; the writer chooses the alignment itself. */
  private static List<String> listed(Gguf gguf) {
    List<String> list = new ArrayList<>();
    gguf.metadata()
        .entries()
        .forEach(
            (key, value) -> {
              if (!key.equals("general.alignment")) {
                list.add(key + " " + value.type() + " " + value);
                if (value instanceof GgufValue.Array array) {
                  array.forEach(element -> list.add(element.toString()));
                }
              }
            });
    gguf.tensors().forEach(tensor -> list.add(tensor.toString()));
    return list;
  }

  /** Returns a file with every type of value, and an adapter. */
  public static List<byte[]> seeds() {
    return List.of(
        SampleFile.image().bytes(),
        SampleFile.writer().uint32("general.alignment", 64).toImage().bytes(),
        Fixtures.read("java/model/src/test/resources/dev/vidrio/model/adapter/llama/adapter.gguf"));
  }
}
