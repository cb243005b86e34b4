package dev.vidrio.quarkus.deployment;

import dev.vidrio.model.testfiles.ScriptedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes the model of the tests. */
final class TestModel {
  private TestModel() {}

  /** Returns the path of a model with fixed answers. */
  static String path() {
    try {
      Path directory = Files.createDirectories(Path.of("target", "models").toAbsolutePath());
      return ScriptedModel.write(directory.resolve("scripted.gguf")).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
