package dev.vidrio.quarkus;

import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import io.quarkus.runtime.annotations.ConfigPhase;
import io.quarkus.runtime.annotations.ConfigRoot;
import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The properties under {@code vidrio}: the model, its engine, and defaults of answers and
 * embeddings. Their names and defaults are those of the Spring Boot starter, {@code
 * VidrioProperties}; a test compares them. Only {@code vidrio.model} is required.
 */
@ConfigMapping(prefix = "vidrio")
@ConfigRoot(phase = ConfigPhase.RUN_TIME)
public interface VidrioConfig {
  /**
   * Path of a GGUF file or a Hugging Face directory. If it is not set, the beans of the extension
   * cannot be used.
   */
  Optional<Path> model();

  /** Worker threads; 0 for one per physical core. */
  @WithDefault("0")
  int threads();

  /** Maximum number of running requests. */
  @WithDefault("32")
  int sequences();

  /** Maximum number of waiting requests; further ones are rejected. */
  @WithDefault("256")
  int queue();

  /** Rejects requests that are estimated to wait longer; no limit by default. */
  Optional<Duration> maxWait();

  /** Maximum tokens of a step. */
  @WithDefault("512")
  int stepTokens();

  /** Minimum time between deliveries of a stream's tokens. */
  @WithDefault("0ms")
  Duration streamInterval();

  /** Context length of a sequence; 0 for the model's, at most 4096. */
  @WithDefault("0")
  int context();

  /** Memory of the KV cache; 0 for a quarter of the memory available to the process. */
  @WithDefault("0")
  MemorySize cacheSize();

  /** Element type of the KV cache. */
  @WithDefault("f16")
  KvType kvType();

  /**
   * If true, models with multi-head latent attention cache latent vectors, which take less memory,
   * and more time for prompts; other models are rejected.
   */
  @WithDefault("false")
  boolean latentCache();

  /** If true, prompts share the keys and values of common prefixes. */
  @WithDefault("true")
  boolean prefixCache();

  /** Directory in which prefixes outlive the process; none by default. */
  Optional<Path> cacheDirectory();

  /** Maximum size of its files; the least recently used are deleted. */
  @WithDefault("10G")
  MemorySize cacheDirectorySize();

  /** Arithmetic of the matrix products. */
  @WithDefault("int8")
  Arithmetic arithmetic();

  /** Speculative decoding, which does not change answers. */
  Draft draft();

  /** How long running requests may continue when the application shuts down. */
  @WithDefault("30s")
  Duration drain();

  /** Defaults of answers. */
  Chat chat();

  /** Options of embeddings. */
  Embedding embedding();

  /**
   * Options of speculative decoding. Without a block or a head, drafts are looked up in the prompt.
   */
  interface Draft {
    /** Maximum draft tokens of a step; as many are drafted as pay, and none by default. */
    @WithDefault("0")
    int tokens();

    /** If true, the model's own block for multi-token prediction (MTP, NextN) drafts. */
    @WithDefault("false")
    boolean block();

    /** The GGUF file of an EAGLE-3 head of the model, which drafts. */
    Optional<Path> head();
  }

  /** Defaults of answers, which the options of a request override. */
  interface Chat {
    /** Maximum tokens of an answer. */
    @WithDefault("256")
    int maxTokens();

    /** Divisor of the logits; 0 selects the most likely token. */
    @WithDefault("0.8")
    double temperature();

    /** Samples among the k most likely tokens; 0 for all. */
    @WithDefault("40")
    int topK();

    /** Samples among the most likely tokens with a total probability of p. */
    @WithDefault("0.95")
    double topP();

    /** Samples among tokens at least minP times as likely as the most likely one. */
    @WithDefault("0.05")
    double minP();

    /** Random seed of every request. */
    @WithDefault("0")
    long seed();
  }

  /** Options of embeddings. */
  interface Embedding {
    /** How the vectors of a text's tokens are pooled; by default as the model file names. */
    Optional<Pooling> pooling();

    /** If true, vectors are normalized to a Euclidean length of 1. */
    @WithDefault("true")
    boolean normalize();
  }
}
