package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Opens a GGUF model of two parts; the second begins at the last {@code GGUF} of the input. Opened
 * from either part, an accepted model has the same values and tensors with the same data.
 */
public final class SplitHarness {
  private static final Path DIRECTORY = Fixtures.scratch();
  private static final Path FIRST = DIRECTORY.resolve("m-00001-of-00002.gguf");
  private static final Path SECOND = DIRECTORY.resolve("m-00002-of-00002.gguf");

  private SplitHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    int begin = Math.max(0, new String(data, ISO_8859_1).lastIndexOf("GGUF"));
    Fixtures.write(FIRST, Arrays.copyOf(data, begin));
    Fixtures.write(SECOND, Arrays.copyOfRange(data, begin, data.length));
    try (Arena arena = Arena.ofConfined()) {
      Gguf first = Gguf.open(FIRST, arena);
      Gguf second = Gguf.open(SECOND, arena);
      boolean isSplit = first.metadata().longValue("split.count", 0, Long.MAX_VALUE, 1) > 1;
      if (isSplit) {
        GgufHarness.requireEqual(first, second, "opened from either part");
      }
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /** Returns models with a tensor in each part and with one in the second part. */
  public static List<byte[]> seeds() {
    return List.of(
        joined(part(0, 2).tensor("a", GgmlType.F32, new byte[4], 1), second(2)),
        joined(part(0, 1).string("general.architecture", "llama"), second(1)));
  }

  private static GgufWriter second(int tensors) {
    return part(1, tensors).tensor("b", GgmlType.F32, new byte[] {1, 2, 3, 4}, 1);
  }

  private static GgufWriter part(int number, int tensors) {
    return new GgufWriter()
        .uint32("split.no", number)
        .uint32("split.count", 2)
        .uint32("split.tensors.count", tensors);
  }

  private static byte[] joined(GgufWriter first, GgufWriter second) {
    var bytes = new ByteArrayOutputStream();
    bytes.writeBytes(first.toImage().bytes());
    bytes.writeBytes(second.toImage().bytes());
    return bytes.toByteArray();
  }
}
