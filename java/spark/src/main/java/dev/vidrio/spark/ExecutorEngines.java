package dev.vidrio.spark;

import dev.vidrio.engine.Engine;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.model.Model;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.spark.SparkFiles;

/** The engines of this executor: one for each model, opened by the first task that needs it. */
final class ExecutorEngines {
  private static final ConcurrentMap<EngineSettings, OpenEngine> ENGINES =
      new ConcurrentHashMap<>();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(ExecutorEngines::close, "vidrio-close"));
  }

  private ExecutorEngines() {}

  /**
   * An engine and how its model wants conversations.
   *
   * @param format empty where the model is not made for chat
   */
  record OpenEngine(Engine engine, Optional<ChatFormat> format) {
    Model model() {
      return engine.model();
    }
  }

  static OpenEngine get(EngineSettings settings) {
    return ENGINES.computeIfAbsent(settings, ExecutorEngines::open);
  }

  private static OpenEngine open(EngineSettings settings) {
    Path file = Path.of(settings.model());
    Model model = Model.open(Files.exists(file) ? file : Path.of(SparkFiles.get(settings.model())));
    try {
      return new OpenEngine(Engine.open(model, settings.options()), ChatFormat.of(model));
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  private static void close() {
    for (OpenEngine open : ENGINES.values()) {
      open.engine.close();
      open.model().close();
    }
  }
}
