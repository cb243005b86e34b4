package dev.vidrio.quarkus;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The configuration as options of Vidrio.
 *
 * @param model the options of the model
 * @param engine the options of its engine
 * @param generation the defaults of answers
 * @param drain how long running requests may continue at shutdown
 */
record ConfiguredOptions(
    ModelOptions model, EngineOptions engine, GenerationOptions generation, Duration drain) {

  /**
   * Converts and checks a configuration.
   *
   * @throws InvalidInputException if a value is out of range
   */
  static ConfiguredOptions of(VidrioConfig config) {
    if (config.drain().isNegative()) {
      throw new InvalidInputException("vidrio.drain", config.drain(), "must not be negative");
    }
    return new ConfiguredOptions(
        model(config), engine(config), generation(config.chat()), config.drain());
  }

  /**
   * Returns the path of the model.
   *
   * @throws InvalidInputException if it is not set
   */
  static Path requiredModel(VidrioConfig config) {
    return config
        .model()
        .orElseThrow(() -> new InvalidInputException("vidrio.model", "", "must be set"));
  }

  private static ModelOptions model(VidrioConfig config) {
    InvalidInputException.requireRange("vidrio.threads", config.threads(), 0, 1024);
    int workers = config.threads() == 0 ? NativeExecutor.defaultWorkers() : config.threads();
    return ModelOptions.with(() -> NativeExecutor.create(Isa.pick(), workers))
        .withLatentCache(config.latentCache())
        .withDraftBlock(config.draft().block())
        .withDraftHead(config.draft().head().orElse(null));
  }

  private static EngineOptions engine(VidrioConfig config) {
    return EngineOptions.DEFAULT
        .withSequences(config.sequences())
        .withQueue(config.queue())
        .withMaxWait(config.maxWait().orElse(null))
        .withStepTokens(config.stepTokens())
        .withStreamInterval(config.streamInterval())
        .withContext(config.context())
        .withCacheBytes(config.cacheSize().asLongValue())
        .withKvType(config.kvType())
        .withPrefixCache(config.prefixCache())
        .withCacheDirectory(
            config.cacheDirectory().orElse(null), config.cacheDirectorySize().asLongValue())
        .withDraftTokens(config.draft().tokens())
        .withArithmetic(config.arithmetic());
  }

  private static GenerationOptions generation(VidrioConfig.Chat chat) {
    SamplingOptions sampling =
        SamplingOptions.builder()
            .temperature(chat.temperature())
            .topK(chat.topK())
            .topP(chat.topP())
            .minP(chat.minP())
            .seed(chat.seed())
            .build();
    return GenerationOptions.DEFAULT.withTokens(chat.maxTokens()).withSampling(sampling);
  }
}
