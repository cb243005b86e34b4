package dev.vidrio.spark;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.evaluation.Embeddings;
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
  private static final ConcurrentMap<String, EmbeddingEngine> EMBEDDING_ENGINES =
      new ConcurrentHashMap<>();
  private static final ConcurrentMap<RerankerKey, RerankingEngine> RERANKING_ENGINES =
      new ConcurrentHashMap<>();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(ExecutorEngines::close, "vidrio-close"));
  }

  private ExecutorEngines() {}

  /** The settings of a reranking engine. */
  private record RerankerKey(String model, String instruction) {}

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

  /** Returns the engine that embeds texts with a model into vectors of length 1. */
  static EmbeddingEngine embedding(String model) {
    return EMBEDDING_ENGINES.computeIfAbsent(
        model,
        name -> {
          Model opened = model(name);
          return new EmbeddingEngine(opened, Embeddings.pooling(opened), true);
        });
  }

  /** Returns the engine that reranks with a model and an instruction. */
  static RerankingEngine reranking(String model, String instruction) {
    return RERANKING_ENGINES.computeIfAbsent(
        new RerankerKey(model, instruction),
        key -> new RerankingEngine(model(key.model), key.instruction));
  }

  private static Model model(String name) {
    return MODELS.computeIfAbsent(file(name), Model::open);
  }

  private static OpenEngine open(EngineSettings settings) {
    Model model = model(settings.model());
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
    EMBEDDING_ENGINES.values().forEach(EmbeddingEngine::close);
    RERANKING_ENGINES.values().forEach(RerankingEngine::close);
    MODELS.values().forEach(Model::close);
  }
}
