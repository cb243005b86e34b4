package dev.vidrio.spring.autoconfigure;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The properties under {@code vidrio}: the model, its engine, and defaults of answers and
 * embeddings. Only {@code vidrio.model} is required:
 *
 * <pre>{@code
 * vidrio.model=/models/smollm2.gguf
 * vidrio.chat.temperature=0
 * }</pre>
 *
 * @param model path of a GGUF file or a Hugging Face directory; if it is not set, nothing is
 *     configured
 * @param threads worker threads; 0 for one per physical core
 * @param sequences maximum number of running requests
 * @param queue maximum number of waiting requests; further ones are rejected
 * @param maxWait rejects requests that are estimated to wait longer; no limit by default
 * @param stepTokens maximum tokens of a step
 * @param streamInterval minimum time between deliveries of a stream's tokens
 * @param context context length of a sequence; 0 for the model's, at most 4096
 * @param cacheSize memory of the KV cache; 0 for a quarter of the memory available to the process
 * @param kvType element type of the KV cache
 * @param latentCache if true, models with multi-head latent attention cache latent vectors, which
 *     take less memory, and more time for prompts; other models are rejected
 * @param prefixCache if true, prompts share the keys and values of common prefixes
 * @param cacheDirectory directory in which prefixes outlive the process; none by default
 * @param cacheDirectorySize maximum size of its files; the least recently used are deleted
 * @param arithmetic arithmetic of the matrix products
 * @param draft speculative decoding, which does not change answers
 * @param drain how long running requests may continue when the application shuts down
 * @param chat defaults of answers
 * @param embedding options of embeddings
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
    @DefaultValue("f16") KvType kvType,
    @DefaultValue("false") boolean latentCache,
    @DefaultValue("true") boolean prefixCache,
    @Nullable Path cacheDirectory,
    @DefaultValue("10GB") DataSize cacheDirectorySize,
    @DefaultValue("int8") Arithmetic arithmetic,
    @DefaultValue Draft draft,
    @DefaultValue("30s") Duration drain,
    @DefaultValue Chat chat,
    @DefaultValue Embedding embedding) {

  /**
   * Options of speculative decoding. Without a block or a head, drafts are looked up in the prompt.
   *
   * @param tokens maximum draft tokens of a step; as many are drafted as pay, and none by default
   * @param block if true, the model's own block for multi-token prediction (MTP, NextN) drafts
   * @param head the GGUF file of an EAGLE-3 head of the model, which drafts
   */
  public record Draft(
      @DefaultValue("0") int tokens, @DefaultValue("false") boolean block, @Nullable Path head) {}

  /**
   * Defaults of answers, which the options of a prompt override.
   *
   * @param maxTokens maximum tokens of an answer
   * @param temperature divisor of the logits; 0 selects the most likely token
   * @param topK samples among the k most likely tokens; 0 for all
   * @param topP samples among the most likely tokens with a total probability of p
   * @param minP samples among tokens at least minP times as likely as the most likely one
   * @param seed random seed of every request
   */
  public record Chat(
      @DefaultValue("256") int maxTokens,
      @DefaultValue("0.8") double temperature,
      @DefaultValue("40") int topK,
      @DefaultValue("0.95") double topP,
      @DefaultValue("0.05") double minP,
      @DefaultValue("0") long seed) {}

  /**
   * Options of embeddings.
   *
   * @param pooling how the vectors of a text's tokens are pooled
   * @param normalize if true, vectors are normalized to a Euclidean length of 1
   */
  public record Embedding(@Nullable Pooling pooling, @DefaultValue("true") boolean normalize) {}

  ModelOptions modelOptions() {
    InvalidInputException.requireRange("vidrio.threads", threads, 0, 1024);
    int workers = threads == 0 ? NativeExecutor.defaultWorkers() : threads;
    return ModelOptions.with(() -> NativeExecutor.create(Isa.pick(), workers))
        .withLatentCache(latentCache)
        .withDraftBlock(draft.block)
        .withDraftHead(draft.head);
  }

  EngineOptions engineOptions() {
    return EngineOptions.DEFAULT
        .withSequences(sequences)
        .withQueue(queue)
        .withMaxWait(maxWait)
        .withStepTokens(stepTokens)
        .withStreamInterval(streamInterval)
        .withContext(context)
        .withCacheBytes(cacheSize.toBytes())
        .withKvType(kvType)
        .withPrefixCache(prefixCache)
        .withCacheDirectory(cacheDirectory, cacheDirectorySize.toBytes())
        .withDraftTokens(draft.tokens)
        .withArithmetic(arithmetic);
  }

  Path requiredModel() {
    if (model == null) {
      throw new InvalidInputException("vidrio.model", "", "must be set");
    }
    return model;
  }

  Duration requiredDrain() {
    if (drain.isNegative()) {
      throw new InvalidInputException("vidrio.drain", drain, "must not be negative");
    }
    return drain;
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
