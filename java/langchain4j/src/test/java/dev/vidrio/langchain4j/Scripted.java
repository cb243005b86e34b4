package dev.vidrio.langchain4j;

import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ScriptedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model with answers to the questions of LangChain4j's tests, and an engine that all tests share.
 */
final class Scripted {
  /** The model's file. */
  static final Path FILE = write();

  /** A shared engine, closed with the test process. */
  static final Engine ENGINE = Engine.open(Model.open(FILE));

  private Scripted() {}

  private static Path write() {
    try {
      Path file = Files.createTempFile("scripted", ".gguf");
      file.toFile().deleteOnExit();
      return ScriptedModel.write(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the name of the model. */
  static String name() {
    return FILE.getFileName().toString();
  }

  /** Returns a closed engine. */
  static Engine closed() {
    Engine engine = Engine.open(ENGINE.model());
    engine.close();
    return engine;
  }
}
