package dev.vidrio.langchain4j;

import dev.vidrio.engine.Engine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import java.nio.file.Path;

/**
 * The engine of a chat model.
 *
 * @param engine the engine
 * @param owned if true, the engine and its model are closed with the chat model
 */
record EngineHandle(Engine engine, boolean owned) implements AutoCloseable {

  static EngineHandle open(ChatModelBuilder<?> builder) {
    Engine engine = builder.engine;
    Path modelPath = builder.modelPath;
    if (engine != null && modelPath == null) {
      return new EngineHandle(engine, false);
    }
    if (engine != null || modelPath == null) {
      throw new InvalidInputException(
          "modelPath",
          String.valueOf(modelPath),
          "exactly one of engine and modelPath is required");
    }
    Model model = Model.open(modelPath, builder.modelOptions);
    try {
      return new EngineHandle(Engine.open(model, builder.engineOptions), true);
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  @Override
  public void close() {
    if (owned) {
      engine.close();
      engine.model().close();
    }
  }
}
