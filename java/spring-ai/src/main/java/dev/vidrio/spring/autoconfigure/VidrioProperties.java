package dev.vidrio.spring.autoconfigure;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.sampling.SamplingOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Properties of the model, the engine that runs it, and its answers.
 *
 * @param model path of the model, a GGUF file or a Hugging Face directory; without it nothing is
 *     configured
 * @param threads worker threads; 0 for one per physical core
 * @param sequences requests that run at once
 * @param queue requests that may wait; further ones are refused
 * @param maxWait refuse requests that would wait longer for their turn; by default none
 * @param stepTokens maximum tokens of a step
 * @param streamInterval shortest time between deliveries of a stream's tokens
 * @param context context length of a sequence; 0 for the model's, at most 4096
 * @param cacheSize memory of the key-value cache; 0 for a quarter of what the process may use
 * @param prefixCache prefix caching: whether prompts share keys and values of common prefixes
 * @param fast whether matrix products may give up portable bits for speed
 * @param drain how long requests may continue when the application shuts down
 * @param chat defaults for generating answers
 * @param embedding defaults for embedding texts
 */
@ConfigurationProperties("vidrio")
public record VidrioProperties(
    @Nullable Path model,
    @DefaultValue("0") int threads,
    @DefaultValue("32") int sequences,
    @DefaultValue("256") int queue,
    @Nullable Duration maxWait,
    @DefaultValue("512") int stepTokens,
    @DefaultValue("0ms") Duration streamInterval,
    @DefaultValue("0") int context,
    @DefaultValue("0B") DataSize cacheSize,
    @DefaultValue("true") boolean prefixCache,
    @DefaultValue("false") boolean fast,
    @DefaultValue("30s") Duration drain,
    @DefaultValue Chat chat,
    @DefaultValue Embedding embedding) {

  /**
   * Defaults for generating answers, where a prompt's options do not say.
   *
   * @param maxTokens maximum number of tokens of an answer
   * @param temperature divides the logits; 0 takes the most likely token
   * @param topK keeps the k most likely tokens; 0 for all
   * @param topP keeps the most likely tokens that together reach p
   * @param minP keeps the tokens at least minP times as likely as the most likely one
   * @param seed of the random numbers, the same for every request
   */
  public record Chat(
      @DefaultValue("256") int maxTokens,
      @DefaultValue("0.8") double temperature,
      @DefaultValue("40") int topK,
      @DefaultValue("0.95") double topP,
      @DefaultValue("0.05") double minP,
      @DefaultValue("0") long seed) {}

  /**
   * How texts are embedded.
   *
   * @param pooling how the tokens' vectors are combined into one
   * @param normalize whether vectors have length 1
   */
  public record Embedding(
      @DefaultValue("mean") Pooling pooling, @DefaultValue("true") boolean normalize) {}

  EngineOptions engineOptions() {
    return EngineOptions.DEFAULT
        .withSequences(sequences)
        .withQueue(queue)
        .withMaxWait(maxWait)
        .withStepTokens(stepTokens)
        .withStreamInterval(streamInterval)
        .withContext(context)
        .withCacheBytes(cacheSize.toBytes())
        .withPrefixCache(prefixCache)
        .withFast(fast);
  }

  Path requiredModel() {
    if (model == null) {
      throw new InvalidInputException("vidrio.model", "", "must name a file");
    }
    return model;
  }

  Duration requiredDrain() {
    if (drain.isNegative()) {
      throw new InvalidInputException("vidrio.drain", drain.toString(), "must not be negative");
    }
    return drain;
  }

  int workers() {
    if (threads < 0 || threads > 1024) {
      throw new InvalidInputException(
          "vidrio.threads", Integer.toString(threads), "must be 0 to 1024");
    }
    return threads == 0 ? NativeExecutor.defaultWorkers() : threads;
  }

  GenerationOptions generationOptions() {
    SamplingOptions sampling =
        SamplingOptions.builder()
            .temperature(chat.temperature)
            .topK(chat.topK)
            .topP(chat.topP)
            .minP(chat.minP)
            .seed(chat.seed)
            .build();
    return GenerationOptions.DEFAULT.withTokens(chat.maxTokens).withSampling(sampling);
  }
}
