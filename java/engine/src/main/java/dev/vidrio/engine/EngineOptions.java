package dev.vidrio.engine;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sizes and modes of an engine.
 *
 * @param sequences sequences that run at once; of a model with states (linear attention), at most
 *     as many as half of {@code cacheBytes} holds the states of
 * @param queue requests that may wait; further ones are refused
 * @param maxWait a request that, judging by recent answers, would wait longer for its first step is
 *     refused too; null for no limit
 * @param stepTokens maximum tokens of a step: running sequences and prompt chunks
 * @param context positions of a sequence; 0 for the model's context length, at most {@value
 *     SessionOptions#DEFAULT_CONTEXT}
 * @param cacheBytes memory of the key-value cache, states included, allocated block by block while
 *     the engine is idle; 0 for a quarter of what this process may use, allocated on demand. Never
 *     more than all sequences and checkpoints can fill, never less than a block. A request has at
 *     most as many positions as it holds, whatever the context
 * @param kvType element type of the key-value cache
 * @param prefixCache prefix caching: whether the keys and values of prompts are kept, while there
 *     is memory, for later ones that begin with the same tokens. Of a model with states, they are
 *     kept with the states at a few places of a text, as many as there is room for in half of
 *     {@code cacheBytes} beside the sequences
 * @param fast as in {@link SessionOptions#fast}
 * @param adapters number of different {@linkplain GenerationRequest#adaptation adapters} that
 *     running requests may use together
 * @param draft a smaller model of the same vocabulary that proposes {@linkplain
 *     GenerationRequest#draftTokens draft tokens}; null for prompt lookup
 * @param draftTokens default of requests without beams
 * @param streamInterval shortest time between deliveries to a reader, since each wake-up delays the
 *     step; zero to deliver each token at once
 * @param lens what requests may see and change inside the model
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
    boolean fast,
    int adapters,
    @Nullable Model draft,
    int draftTokens,
    Duration streamInterval,
    LensOptions lens,
    EngineListener listener) {

  /** The most that {@link #sequences} may be. */
  public static final int MAX_SEQUENCES = 1024;

  /** The most that {@link #queue} may be. */
  public static final int MAX_QUEUE = 1 << 20;

  private static final Duration LONGEST_INTERVAL = Duration.ofMinutes(1);

  /** 32 sequences, 256 that wait, steps of 512 tokens, an F32 cache with prefixes. */
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
          false,
          0,
          null,
          0,
          Duration.ZERO,
          LensOptions.NONE,
          EngineListener.NONE);

  /** Checks the limits. */
  public EngineOptions {
    require("sequences", sequences, 1, MAX_SEQUENCES);
    require("queue", queue, 0, MAX_QUEUE);
    if (maxWait != null && maxWait.isNegative()) {
      throw new InvalidInputException("max wait", maxWait.toString(), "must not be negative");
    }
    require("step tokens", stepTokens, sequences, 1 << 16);
    require("context", context, 0, Integer.MAX_VALUE);
    require("adapters", adapters, 0, 1024);
    require("draft tokens", draftTokens, 0, Session.CANDIDATES);
    require("cache bytes", cacheBytes, 0, Long.MAX_VALUE);
    if (streamInterval.isNegative() || streamInterval.compareTo(LONGEST_INTERVAL) > 0) {
      throw new InvalidInputException(
          "stream interval", streamInterval.toString(), "must be 0 to " + LONGEST_INTERVAL);
    }
  }

  private static void require(String field, long value, long min, long max) {
    if (value < min || value > max) {
      throw new InvalidInputException(field, Long.toString(value), "must be " + min + " to " + max);
    }
  }

  /** The components, to change some. */
  private static final class Copy {
    int sequences;
    int queue;
    @Nullable Duration maxWait;
    int stepTokens;
    int context;
    long cacheBytes;
    KvType kvType;
    boolean prefixCache;
    boolean fast;
    int adapters;
    @Nullable Model draft;
    int draftTokens;
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
      fast = of.fast;
      adapters = of.adapters;
      draft = of.draft;
      draftTokens = of.draftTokens;
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
          fast,
          adapters,
          draft,
          draftTokens,
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

  /** The same with room for another number of sequences, and steps of at least as many tokens. */
  public EngineOptions withSequences(int count) {
    return with(
        copy -> {
          copy.sequences = count;
          copy.stepTokens = Math.max(count, stepTokens);
        });
  }

  /** The same with room for another number of requests that wait. */
  public EngineOptions withQueue(int requests) {
    return with(copy -> copy.queue = requests);
  }

  /** The same with another time that a request may wait; null for no limit. */
  public EngineOptions withMaxWait(@Nullable Duration time) {
    return with(copy -> copy.maxWait = time);
  }

  /** The same with other steps. */
  public EngineOptions withStepTokens(int tokens) {
    return with(copy -> copy.stepTokens = tokens);
  }

  /** The same with another context. */
  public EngineOptions withContext(int positions) {
    return with(copy -> copy.context = positions);
  }

  /** The same with another amount of memory for keys and values. */
  public EngineOptions withCacheBytes(long bytes) {
    return with(copy -> copy.cacheBytes = bytes);
  }

  /** The same with another type of the key-value cache. */
  public EngineOptions withKvType(KvType type) {
    return with(copy -> copy.kvType = type);
  }

  /** The same, but for whether prefixes are kept. */
  public EngineOptions withPrefixCache(boolean keep) {
    return with(copy -> copy.prefixCache = keep);
  }

  /** The same with products that may leave the promise of equal bits, or may not. */
  public EngineOptions withFast(boolean allowed) {
    return with(copy -> copy.fast = allowed);
  }

  /** The same with another listener. */
  public EngineOptions withListener(EngineListener other) {
    return with(copy -> copy.listener = other);
  }

  /** The same with other things to see and change. */
  public EngineOptions withLens(LensOptions other) {
    return with(copy -> copy.lens = other);
  }

  /** The same with another draft model or none; it is the caller's and must stay open. */
  public EngineOptions withDraft(@Nullable Model other) {
    return with(copy -> copy.draft = other);
  }

  /** The same with other draft tokens of requests that do not say. */
  public EngineOptions withDraftTokens(int tokens) {
    return with(copy -> copy.draftTokens = tokens);
  }

  /** The same with another time in which tokens are read together. */
  public EngineOptions withStreamInterval(Duration time) {
    return with(copy -> copy.streamInterval = time);
  }

  /** The same with room for another number of adapters. */
  public EngineOptions withAdapters(int count) {
    return with(copy -> copy.adapters = count);
  }
}
