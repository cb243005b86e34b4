package dev.vidrio.spark;

import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.spark.SparkFiles;

/**
 * The engines of this executor: one for each settings, opened by the first task that needs it.
 * Those of one file share the model.
 */
final class ExecutorEngines {
  private static final ConcurrentMap<Path, Model> MODELS = new ConcurrentHashMap<>();
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
    Model model = MODELS.computeIfAbsent(file(settings.model()), Model::open);
    return new OpenEngine(Engine.open(model, settings.options()), model.chatFormat());
  }

  /** The file of that path, or the one that was sent under that name. */
  private static Path file(String model) {
    Path file = Path.of(model);
    if (file.isAbsolute() || Files.exists(file)) {
      return file;
    }
    Path sent = Path.of(SparkFiles.get(model));
    return Files.exists(sent) ? sent : file;
  }

  private static void close() {
    ENGINES.values().forEach(open -> open.engine().close());
    MODELS.values().forEach(Model::close);
  }
}
