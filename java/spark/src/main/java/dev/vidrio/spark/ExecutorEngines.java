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
 * The engines of this executor: one per settings, opened by the first task that needs it and closed
 * at exit. Engines of the same file share the model.
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
   * An open engine.
   *
   * @param engine the engine
   * @param format the model's chat format; empty if it has no chat template
   */
  record OpenEngine(Engine engine, Optional<ChatFormat> format) {
    Model model() {
      return engine.model();
    }
  }

  /** Returns the engine of settings, and opens it on first use. */
  static OpenEngine get(EngineSettings settings) {
    return ENGINES.computeIfAbsent(settings, ExecutorEngines::open);
  }

  private static OpenEngine open(EngineSettings settings) {
    Model model = MODELS.computeIfAbsent(file(settings.model()), Model::open);
    return new OpenEngine(Engine.open(model, settings.options()), model.chatFormat());
  }

  /** Returns the file of a path, or else the distributed file of that name. */
  private static Path file(String model) {
    Path file = Path.of(model);
    if (file.isAbsolute() || Files.exists(file)) {
      return file;
    }
    Path distributed = Path.of(SparkFiles.get(model));
    return Files.exists(distributed) ? distributed : file;
  }

  private static void close() {
    ENGINES.values().forEach(open -> open.engine().close());
    MODELS.values().forEach(Model::close);
  }
}
