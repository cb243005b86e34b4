package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.hostile.HostileFile;
import dev.vidrio.formats.testfiles.hostile.HostileFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that well-formed files of inconsistent models are rejected. */
class HostileModelTest {

  static Stream<HostileFile> models() {
    return HostileFiles.models();
  }

  @ParameterizedTest
  @MethodSource("models")
  void isRefused(HostileFile file, @TempDir Path directory) throws IOException {
    Path path = Files.write(directory.resolve("hostile.gguf"), file.bytes());
    ModelException e = assertThrows(ModelException.class, () -> Model.open(path).close());
    String message = e.getMessage();
    assertTrue(message.startsWith(path + ": "), message);
    assertTrue(message.contains(file.expected()), () -> file.expected() + " in: " + message);
  }
}
