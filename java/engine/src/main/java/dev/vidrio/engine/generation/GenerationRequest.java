package dev.vidrio.engine.generation;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Session;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A request to an engine: a prompt and the options for answering it.
 *
 * {@snippet file="EngineExamples.java" region="submit"}
 *
 * <p>The prompt is given as token ids; {@code model.tokenizer().encode} encodes a text, and {@code
 * ChatFormat.encode} a conversation. {@link Builder#build} rejects values that are out of range
 * with {@link InvalidInputException}; {@code Engine.submit} rejects those that do not fit the
 * model. Immutable.
 */
public final class GenerationRequest {
  /** Maximum number of alternatives per token in log-probabilities. */
  public static final int MAX_TOP = 20;

  private final Builder values;

  private GenerationRequest(Builder values) {
    this.values = values;
    requireRange("log-probabilities", values.logProbabilities, -1, MAX_TOP);
    requireRange("prompt log-probabilities", values.promptLogProbabilities, -1, MAX_TOP);
    requireRange("draft tokens", values.draftTokens, -1, Session.CANDIDATES);
    requireRange("min tokens", values.minTokens, 0, values.options.tokens());
    Duration timeout = values.timeout;
    if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
      throw new InvalidInputException("timeout", timeout, "must be positive");
    }
    if (values.beams != null) {
      checkBeams(values.beams);
    }
    if (values.options.receipt() && !values.edits.isEmpty()) {
      throw new InvalidInputException(
          "receipt", "", "not supported with edits of activations, which a receipt cannot express");
    }
  }

  private void checkBeams(BeamOptions search) {
    SamplingOptions sampling = values.options.sampling();
    if (sampling.temperature() != 0) {
      throw new InvalidInputException(
          "temperature", sampling.temperature(), "must be 0 with beams, which are not sampled");
    }
    if (sampling.penalizes() || sampling.dry().isActive() || !sampling.logitBias().isEmpty()) {
      throw new InvalidInputException(
          "beams", search.width(), "do not support penalties and logit bias");
    }
    if (sampling.excludesLikely()) {
      throw new InvalidInputException("beams", search.width(), "do not support XTC");
    }
    if (values.options.tokens() == 0) {
      throw new InvalidInputException("number of tokens", "0", "must be positive with beams");
    }
    if (values.draftTokens > 0) {
      throw new InvalidInputException("draft tokens", values.draftTokens, "must be 0 with beams");
    }
    if (values.watched) {
      throw new InvalidInputException("watched", "true", "is not supported with beams");
    }
    if (values.options.receipt()) {
      throw new InvalidInputException(
          "receipt", "", "not supported with beams, since their tokens are not chosen one by one");
    }
  }

  /** Returns a builder with {@link GenerationOptions#DEFAULT}. */
  public static Builder builder(int... prompt) {
    return new Builder(prompt.clone());
  }

  /** Returns a builder with the values of this request. */
  public Builder toBuilder() {
    return new Builder(values);
  }

  /** Returns a copy of the prompt's token ids. */
  public int[] prompt() {
    return values.prompt.clone();
  }

  /** Returns the number of prompt tokens. */
  public int promptTokens() {
    return values.prompt.length;
  }

  /** Returns the length, sampling, stop strings and grammar, and whether there is a receipt. */
  public GenerationOptions options() {
    return values.options;
  }

  /** Returns end tokens in addition to those of the model. */
  public Set<Integer> stopTokens() {
    return values.stopTokens;
  }

  /** Returns the number of tokens before which only a stop string ends the answer. */
  public int minTokens() {
    return values.minTokens;
  }

  /**
   * Returns the number of alternatives per generated token; 0 for the log-probability of the token
   * alone, -1 for none.
   */
  public int logProbabilities() {
    return values.logProbabilities;
  }

  /** Returns the number of alternatives per prompt token, as {@link #logProbabilities}. */
  public int promptLogProbabilities() {
    return values.promptLogProbabilities;
  }

  /** Returns the priority. Requests of higher priority begin first and are preempted last. */
  public int priority() {
    return values.priority;
  }

  /** Returns the maximum time from submission to end, or null. */
  public @Nullable Duration timeout() {
    return values.timeout;
  }

  /**
   * Returns the salt of the prefix cache. Requests share cached prefixes only if their salts are
   * equal, so that the time of an answer does not reveal other tenants' prompts.
   */
  public String cacheSalt() {
    return values.cacheSalt;
  }

  /**
   * Returns the maximum number of draft tokens per step, by the engine's draft model or by prompt
   * lookup (Saxena 2023). The engine drafts as many as pay. They do not change the answer. 0 for
   * none, −1 for {@link dev.vidrio.engine.EngineOptions#draftTokens}.
   */
  public int draftTokens() {
    return values.draftTokens;
  }

  /**
   * Returns the edits of this request's activations, for example steering. Other requests in the
   * same steps are not affected. Positions count from the first token of the prompt. At most
   * {@value dev.vidrio.lens.Lens#EDITS} edits per hook point are supported.
   */
  public List<Intervention> edits() {
    return values.edits;
  }

  /**
   * Returns whether activations are captured, at the hook points that the engine was opened for, of
   * prompt and answer. {@link Completion#activations} returns them. The prompt does not use the
   * prefix cache.
   */
  public boolean watched() {
    return values.watched;
  }

  /** Returns the adapter, or null. Requests with different adapters share steps. */
  public @Nullable Adaptation adaptation() {
    return values.adaptation;
  }

  /**
   * Returns the options of a beam search, or null for sampling. Tokens are delivered when the
   * search has ended. Penalties, logit bias, draft tokens and {@link #watched} are not supported
   * with it, and the temperature must be 0.
   */
  public @Nullable BeamOptions beams() {
    return values.beams;
  }

  /** Returns the kind of operation, for metrics. */
  public Operation operation() {
    return values.operation;
  }

  /** Builds a request. */
  public static final class Builder {
    private int[] prompt;
    private GenerationOptions options = GenerationOptions.DEFAULT;
    private Set<Integer> stopTokens = Set.of();
    private int minTokens;
    private int logProbabilities = -1;
    private int promptLogProbabilities = -1;
    private int priority;
    private @Nullable Duration timeout;
    private String cacheSalt = "";
    private int draftTokens = -1;
    private List<Intervention> edits = List.of();
    private boolean watched;
    private @Nullable Adaptation adaptation;
    private @Nullable BeamOptions beams;
    private Operation operation = Operation.TEXT_COMPLETION;

    private Builder(int[] prompt) {
      this.prompt = prompt;
    }

    private Builder(Builder from) {
      prompt = from.prompt;
      options = from.options;
      stopTokens = from.stopTokens;
      minTokens = from.minTokens;
      logProbabilities = from.logProbabilities;
      promptLogProbabilities = from.promptLogProbabilities;
      priority = from.priority;
      timeout = from.timeout;
      cacheSalt = from.cacheSalt;
      draftTokens = from.draftTokens;
      edits = from.edits;
      watched = from.watched;
      adaptation = from.adaptation;
      beams = from.beams;
      operation = from.operation;
    }

    /** Sets {@link GenerationRequest#prompt}. */
    public Builder prompt(int... value) {
      prompt = value.clone();
      return this;
    }

    /** Sets {@link GenerationRequest#options}. */
    public Builder options(GenerationOptions value) {
      options = value;
      return this;
    }

    /** Adds an offset to the seed, so that several answers to a prompt differ. */
    public Builder seedOffset(int offset) {
      SamplingOptions sampling = options.sampling();
      options = options.withSampling(sampling.withSeed(sampling.seed() + offset));
      return this;
    }

    /** Sets {@link GenerationRequest#stopTokens}. */
    public Builder stopTokens(Set<Integer> value) {
      stopTokens = Set.copyOf(value);
      return this;
    }

    /** Sets {@link GenerationRequest#minTokens}. */
    public Builder minTokens(int value) {
      minTokens = value;
      return this;
    }

    /** Sets {@link GenerationRequest#logProbabilities}. */
    public Builder logProbabilities(int top) {
      logProbabilities = top;
      return this;
    }

    /** Sets {@link GenerationRequest#promptLogProbabilities}. */
    public Builder promptLogProbabilities(int top) {
      promptLogProbabilities = top;
      return this;
    }

    /** Sets {@link GenerationRequest#priority}. */
    public Builder priority(int value) {
      priority = value;
      return this;
    }

    /** Sets {@link GenerationRequest#timeout}. */
    public Builder timeout(@Nullable Duration value) {
      timeout = value;
      return this;
    }

    /** Sets {@link GenerationRequest#cacheSalt}. */
    public Builder cacheSalt(String value) {
      cacheSalt = value;
      return this;
    }

    /** Sets {@link GenerationRequest#draftTokens}. */
    public Builder draftTokens(int value) {
      draftTokens = value;
      return this;
    }

    /** Sets {@link GenerationRequest#edits}. */
    public Builder edits(List<Intervention> value) {
      edits = List.copyOf(value);
      return this;
    }

    /** Sets {@link GenerationRequest#watched}. */
    public Builder watched(boolean value) {
      watched = value;
      return this;
    }

    /** Sets {@link GenerationRequest#adaptation}. */
    public Builder adaptation(@Nullable Adaptation value) {
      adaptation = value;
      return this;
    }

    /** Sets {@link GenerationRequest#beams}. */
    public Builder beams(@Nullable BeamOptions value) {
      beams = value;
      return this;
    }

    /** Sets {@link GenerationRequest#operation}. */
    public Builder operation(Operation value) {
      operation = value;
      return this;
    }

    /**
     * Returns the request.
     *
     * @throws InvalidInputException if a value is out of range
     */
    public GenerationRequest build() {
      return new GenerationRequest(new Builder(this));
    }
  }
}
