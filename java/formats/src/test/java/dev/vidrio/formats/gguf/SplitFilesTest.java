package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.GgufWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opens split models, and names parts that do not belong together. */
class SplitFilesTest {

  @TempDir private Path directory;

  private Path path(int part) {
    return directory.resolve("m-0000%d-of-00003.gguf".formatted(part));
  }

  private static GgufWriter part(int number, int count, int tensors) {
    GgufWriter writer =
        new GgufWriter()
            .uint32("split.no", number)
            .uint32("split.count", count)
            .uint32("split.tensors.count", tensors);
    return number == 0 ? writer.string("general.architecture", "llama") : writer;
  }

  private void write(int number, GgufWriter writer) throws IOException {
    Files.write(path(number + 1), writer.toImage().bytes());
  }

  private void writeAll() throws IOException {
    write(0, part(0, 3, 2));
    write(1, part(1, 3, 2).tensor("a", GgmlType.F32, new byte[] {1, 0, 0, 0}, 1));
    write(2, part(2, 3, 2).tensor("b", GgmlType.F32, new byte[] {2, 0, 0, 0}, 1));
  }

  @Test
  void opensWholeModelFromAnyPart() throws IOException {
    writeAll();
    for (int part = 1; part <= 3; part++) {
      try (Arena arena = Arena.ofConfined()) {
        Gguf gguf = Gguf.open(path(part), arena);
        assertEquals("llama", gguf.metadata().string("general.architecture"));
        assertEquals(2, gguf.tensors().size());
        assertEquals(2, gguf.tensor("b").data().get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(Files.size(path(1)) + Files.size(path(2)) + Files.size(path(3)), gguf.size());
      }
    }
  }

  private void assertRefused(Path file, String expected) {
    try (Arena arena = Arena.ofConfined()) {
      ModelException e = assertThrows(ModelException.class, () -> Gguf.open(file, arena));
      assertTrue(e.getMessage().contains(expected), () -> expected + " in: " + e.getMessage());
    }
  }

  @Test
  void namesMissingParts() throws IOException {
    writeAll();
    Files.delete(path(2));
    assertRefused(path(1), path(2) + ": no such file");
    assertRefused(path(3), path(2) + ": no such file");
  }

  @Test
  void namesInconsistentParts() throws IOException {
    writeAll();
    write(1, part(2, 3, 2).tensor("a", GgmlType.F32, new byte[4], 1));
    assertRefused(path(1), path(2) + ": key 'split.no' 2: must be 1 in part 2 of 3");
    write(1, part(1, 2, 2).tensor("a", GgmlType.F32, new byte[4], 1));
    assertRefused(path(1), path(2) + ": key 'split.count' 2: must be 3 in all parts");
    write(1, part(1, 3, 2).tensor("b", GgmlType.F32, new byte[4], 1));
    assertRefused(path(1), path(3) + ": tensor 'b': is also in " + path(2));
    write(1, new GgufWriter().string("general.architecture", "llama"));
    assertRefused(path(1), path(2) + ": key 'split.no': is missing");
    write(1, part(1, 3, 2).tensor("a", GgmlType.F32, new byte[4], 1));
    write(0, part(0, 3, 5));
    assertRefused(path(1), "key 'split.tensors.count' 5: the 3 parts have 2 tensors");
    Files.write(path(2), new byte[] {1, 2, 3});
    assertRefused(path(1), path(2) + ": magic");
  }

  @Test
  void rejectsUnnumberedFileNames() throws IOException {
    writeAll();
    Path other = Files.copy(path(1), directory.resolve("other.gguf"));
    assertRefused(other, "'split.count' 3: the file's name must end in -00001-of-00003.gguf");
    Path four = Files.copy(path(1), directory.resolve("m-00001-of-00004.gguf"));
    assertRefused(four, "must end in -00001-of-00003.gguf");
    Files.write(path(1), part(0, 100_000, 2).toImage().bytes());
    assertRefused(path(1), "'split.count' 100000: must be 1 to 9999");
  }
}
