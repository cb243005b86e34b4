package dev.vidrio.engine;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.state.StateDirectory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sizes and modes of an engine. Start from {@link #DEFAULT}; docs/engine.md lists the options in
 * the order of their use.
 *
 * @param sequences maximum number of running sequences; for a model with recurrent states, further
 *     limited to the states that fit into half of {@code cacheBytes}
 * @param queue maximum number of waiting requests; further ones are rejected
 * @param maxWait a request is rejected if its estimated wait for the first step is longer; null for
 *     no limit
 * @param stepTokens maximum tokens of a step: running sequences and prompt chunks
 * @param context positions of a sequence; 0 for the model's context length, at most {@value
 *     SessionOptions#DEFAULT_CONTEXT}
 * @param cacheBytes memory of the key-value cache including recurrent states, in bytes, allocated
 *     block by block while the engine is idle; 0 for a quarter of the memory of the machine or
 *     container, allocated on demand. At most what all sequences and checkpoints can fill, and at
 *     least one block. A request has at most as many positions as the cache holds
 * @param kvType element type of the key-value cache
 * @param prefixCache if true, keys and values of prompts are kept, while there is memory, for later
 *     prompts that begin with the same tokens. For a model with recurrent states, they are kept
 *     with the states at a few positions, as many as fit into half of {@code cacheBytes} with the
 *     sequences
 * @param cacheDirectory a directory in which the prefix cache keeps its prefixes for later
 *     processes, and finds those of earlier ones; null for none. Any number of engines, processes
 *     and models may share it
 * @param cacheDirectoryBytes maximum size of its files in bytes; the least recently used are
 *     deleted
 * @param arithmetic arithmetic of the matrix products
 * @param adapters maximum number of different {@linkplain GenerationRequest#adaptation adapters} of
 *     running requests
 * @param draft a smaller model with the same vocabulary that proposes {@linkplain
 *     GenerationRequest#draftTokens draft tokens}; null for the model's own block for multi-token
 *     prediction, or for prompt lookup if the model was opened without it
 * @param draftTokens the default maximum number of draft tokens per step of requests without beams
 * @param adaptiveDrafts if true, drafts are as long as is expected to pay; if false, they have the
 *     maximum number of tokens, for measurements
 * @param streamInterval minimum time between deliveries to a reader, since each wake-up delays the
 *     step; zero to deliver each token at once
 * @param lens the hook points that requests may capture and edit
 * @param listener receives events
 */
public record EngineOptions(
    int sequences,
    int queue,
    @Nullable Duration maxWait,
    int stepTokens,
    int context,
    long cacheBytes,
    KvType kvType,
    boolean prefixCache,
    @Nullable Path cacheDirectory,
    long cacheDirectoryBytes,
    Arithmetic arithmetic,
    int adapters,
    @Nullable Model draft,
    int draftTokens,
    boolean adaptiveDrafts,
    Duration streamInterval,
    LensOptions lens,
    EngineListener listener) {

  /** The maximum of {@link #sequences}. */
  public static final int MAX_SEQUENCES = 1024;

  /** The maximum of {@link #queue}. */
  public static final int MAX_QUEUE = 1 << 20;

  private static final Duration MAX_INTERVAL = Duration.ofMinutes(1);

  /** 32 sequences, 256 waiting requests, steps of 512 tokens, an F16 cache with prefix caching. */
  public static final EngineOptions DEFAULT =
      new EngineOptions(
          32,
          256,
          null,
          512,
          0,
          0,
          SessionOptions.DEFAULT_KV_TYPE,
          true,
          null,
          StateDirectory.DEFAULT_BYTES,
          Arithmetic.INT8,
          0,
          null,
          0,
          true,
          Duration.ZERO,
          LensOptions.NONE,
          EngineListener.NONE);

  /** Rejects values that are out of range. */
  public EngineOptions {
    requireRange("sequences", sequences, 1, MAX_SEQUENCES);
    requireRange("queue", queue, 0, MAX_QUEUE);
    if (maxWait != null && maxWait.isNegative()) {
      throw new InvalidInputException("max wait", maxWait, "must not be negative");
    }
    requireRange("step tokens", stepTokens, sequences, 1 << 16);
    requireRange("context", context, 0, Integer.MAX_VALUE);
    requireRange("adapters", adapters, 0, 1024);
    requireRange("draft tokens", draftTokens, 0, Session.CANDIDATES);
    requireRange("cache bytes", cacheBytes, 0, Long.MAX_VALUE);
    requireRange("cache directory bytes", cacheDirectoryBytes, 1, Long.MAX_VALUE);
    if (cacheDirectory != null && !prefixCache) {
      throw new InvalidInputException(
          "cache directory", cacheDirectory, "not supported without the prefix cache");
    }
    if (streamInterval.isNegative() || streamInterval.compareTo(MAX_INTERVAL) > 0) {
      throw new InvalidInputException(
          "stream interval", streamInterval, "must be 0 to " + MAX_INTERVAL);
    }
  }

  /** A mutable copy of the components. */
  private static final class Copy {
    int sequences;
    int queue;
    @Nullable Duration maxWait;
    int stepTokens;
    int context;
    long cacheBytes;
    KvType kvType;
    boolean prefixCache;
    @Nullable Path cacheDirectory;
    long cacheDirectoryBytes;
    Arithmetic arithmetic;
    int adapters;
    @Nullable Model draft;
    int draftTokens;
    boolean adaptiveDrafts;
    Duration streamInterval;
    LensOptions lens;
    EngineListener listener;

    Copy(EngineOptions of) {
      sequences = of.sequences;
      queue = of.queue;
      maxWait = of.maxWait;
      stepTokens = of.stepTokens;
      context = of.context;
      cacheBytes = of.cacheBytes;
      kvType = of.kvType;
      prefixCache = of.prefixCache;
      cacheDirectory = of.cacheDirectory;
      cacheDirectoryBytes = of.cacheDirectoryBytes;
      arithmetic = of.arithmetic;
      adapters = of.adapters;
      draft = of.draft;
      draftTokens = of.draftTokens;
      adaptiveDrafts = of.adaptiveDrafts;
      streamInterval = of.streamInterval;
      lens = of.lens;
      listener = of.listener;
    }

    EngineOptions toOptions() {
      return new EngineOptions(
          sequences,
          queue,
          maxWait,
          stepTokens,
          context,
          cacheBytes,
          kvType,
          prefixCache,
          cacheDirectory,
          cacheDirectoryBytes,
          arithmetic,
          adapters,
          draft,
          draftTokens,
          adaptiveDrafts,
          streamInterval,
          lens,
          listener);
    }
  }

  private EngineOptions with(Consumer<Copy> change) {
    var copy = new Copy(this);
    change.accept(copy);
    return copy.toOptions();
  }

  /** Returns a copy with another number of sequences, and steps of at least as many tokens. */
  public EngineOptions withSequences(int count) {
    return with(
        copy -> {
          copy.sequences = count;
          copy.stepTokens = Math.max(count, stepTokens);
        });
  }

  /** Returns a copy with another number of waiting requests. */
  public EngineOptions withQueue(int requests) {
    return with(copy -> copy.queue = requests);
  }

  /** Returns a copy with another maximum wait; null for no limit. */
  public EngineOptions withMaxWait(@Nullable Duration time) {
    return with(copy -> copy.maxWait = time);
  }

  /** Returns a copy with another maximum number of tokens per step. */
  public EngineOptions withStepTokens(int tokens) {
    return with(copy -> copy.stepTokens = tokens);
  }

  /** Returns a copy with another context length; 0 for the model's. */
  public EngineOptions withContext(int positions) {
    return with(copy -> copy.context = positions);
  }

  /** Returns a copy with another size of the key-value cache, in bytes. */
  public EngineOptions withCacheBytes(long bytes) {
    return with(copy -> copy.cacheBytes = bytes);
  }

  /** Returns a copy with another element type of the key-value cache. */
  public EngineOptions withKvType(KvType type) {
    return with(copy -> copy.kvType = type);
  }

  /** Returns a copy with prefix caching on or off. */
  public EngineOptions withPrefixCache(boolean keep) {
    return with(copy -> copy.prefixCache = keep);
  }

  /**
   * Returns a copy with a prefix cache that also keeps its prefixes in a directory, for later
   * processes, or not if it is null. They have the bits that computing them has, on every machine.
   *
   * @param maxBytes maximum size of its files in bytes
   */
  public EngineOptions withCacheDirectory(@Nullable Path directory, long maxBytes) {
    return with(
        copy -> {
          copy.cacheDirectory = directory;
          copy.cacheDirectoryBytes = maxBytes;
        });
  }

  /** Returns a copy with another arithmetic of the matrix products. */
  public EngineOptions withArithmetic(Arithmetic value) {
    return with(copy -> copy.arithmetic = value);
  }

  /** Returns a copy with another listener. */
  public EngineOptions withListener(EngineListener other) {
    return with(copy -> copy.listener = other);
  }

  /** Returns a copy with other hook points to capture and edit. */
  public EngineOptions withLens(LensOptions other) {
    return with(copy -> copy.lens = other);
  }

  /** Returns a copy with another draft model, which the caller owns and keeps open, or none. */
  public EngineOptions withDraft(@Nullable Model other) {
    return with(copy -> copy.draft = other);
  }

  /** Returns a copy with another default maximum number of draft tokens. */
  public EngineOptions withDraftTokens(int tokens) {
    return with(copy -> copy.draftTokens = tokens);
  }

  /** Returns a copy with drafts as long as pays, or always of the maximum length. */
  public EngineOptions withAdaptiveDrafts(boolean adaptive) {
    return with(copy -> copy.adaptiveDrafts = adaptive);
  }

  /** Returns a copy with another minimum time between deliveries to a reader. */
  public EngineOptions withStreamInterval(Duration time) {
    return with(copy -> copy.streamInterval = time);
  }

  /** Returns a copy with another maximum number of adapters. */
  public EngineOptions withAdapters(int count) {
    return with(copy -> copy.adapters = count);
  }
}
