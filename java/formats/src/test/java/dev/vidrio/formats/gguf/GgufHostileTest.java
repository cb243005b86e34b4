package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.hostile.HostileFile;
import dev.vidrio.formats.testfiles.hostile.HostileFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rejects every hostile file with a one-line message that names the fault. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class GgufHostileTest {

  static Stream<HostileFile> all() {
    return HostileFiles.all();
  }

  static Stream<HostileFile> models() {
    return HostileFiles.models();
  }

  @ParameterizedTest
  @MethodSource("all")
  void rejectsInMemory(HostileFile file) {
    MemorySegment data = MemorySegment.ofArray(file.bytes());
    check(file, assertThrows(ModelException.class, () -> Gguf.parse("memory", data)), "memory");
  }

  @ParameterizedTest
  @MethodSource("all")
  void rejectsFromDisk(HostileFile file, @TempDir Path directory) throws IOException {
    Path path = Files.write(directory.resolve("hostile.gguf"), file.bytes());
    try (Arena arena = Arena.ofConfined()) {
      check(
          file, assertThrows(ModelException.class, () -> Gguf.open(path, arena)), path.toString());
    }
  }

  private static void check(HostileFile file, ModelException e, String name) {
    String message = e.getMessage();
    assertTrue(message.startsWith(name + ": "), message);
    assertTrue(message.contains(file.expected()), () -> file.expected() + " in: " + message);
    assertTrue(message.chars().noneMatch(Character::isISOControl), message);
    assertTrue(message.length() < name.length() + 800, message);
  }

  /** These are valid files; their faults are found by the architecture. */
  @ParameterizedTest
  @MethodSource("models")
  void acceptsFilesOfHostileModels(HostileFile file) {
    Gguf gguf = Gguf.parse(file.name(), MemorySegment.ofArray(file.bytes()));
    assertTrue(gguf.metadata().entries().size() > 2);
  }

  @Test
  void hasDistinctNames() {
    List<String> names = Stream.concat(all(), models()).map(HostileFile::name).toList();
    assertEquals(names.size(), names.stream().distinct().count());
    assertTrue(all().count() >= 60);
  }
}
