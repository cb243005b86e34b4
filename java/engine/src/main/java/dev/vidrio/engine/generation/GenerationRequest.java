package dev.vidrio.engine.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Session;
import dev.vidrio.model.sampling.SamplingOptions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A request: a prompt and the options for answering it. Immutable. */
public final class GenerationRequest {
  /** The most alternatives that a request can ask for in place of each token. */
  public static final int MAX_TOP = 20;

  private final int[] prompt;
  private final GenerationOptions options;
  private final Set<Integer> stopTokens;
  private final int minTokens;
  private final int logProbabilities;
  private final int promptLogProbabilities;
  private final int priority;
  private final @Nullable Duration timeout;
  private final String cacheSalt;
  private final int draftTokens;
  private final List<Edit> edits;
  private final boolean watched;
  private final @Nullable Adaptation adaptation;
  private final @Nullable BeamOptions beams;
  private final Operation operation;

  private GenerationRequest(Builder builder) {
    this.prompt = builder.prompt;
    this.options = builder.options;
    this.stopTokens = Set.copyOf(builder.stopTokens);
    this.minTokens = builder.minTokens;
    this.logProbabilities = builder.logProbabilities;
    this.promptLogProbabilities = builder.promptLogProbabilities;
    this.priority = builder.priority;
    this.timeout = builder.timeout;
    this.cacheSalt = builder.cacheSalt;
    this.draftTokens = builder.draftTokens;
    this.edits = List.copyOf(builder.edits);
    this.watched = builder.watched;
    this.adaptation = builder.adaptation;
    this.beams = builder.beams;
    this.operation = builder.operation;
    require("log-probabilities", logProbabilities, -1, MAX_TOP);
    require("prompt log-probabilities", promptLogProbabilities, -1, MAX_TOP);
    require("draft tokens", draftTokens, -1, Session.CANDIDATES);
    require("min tokens", minTokens, 0, options.tokens());
    if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
      throw new InvalidInputException("timeout", timeout.toString(), "must be positive");
    }
    if (beams != null) {
      checkBeams(beams);
    }
  }

  private void checkBeams(BeamOptions search) {
    SamplingOptions sampling = options.sampling();
    if (sampling.temperature() != 0) {
      throw new InvalidInputException(
          "temperature",
          Double.toString(sampling.temperature()),
          "must be 0 with beams, which are not drawn");
    }
    if (sampling.penalizes() || !sampling.logitBias().isEmpty()) {
      throw new InvalidInputException(
          "beams",
          Integer.toString(search.width()),
          "are ranked by the model's own probabilities: no penalties and no logit bias");
    }
    if (options.tokens() == 0) {
      throw new InvalidInputException("number of tokens", "0", "must be positive with beams");
    }
    if (draftTokens > 0) {
      throw new InvalidInputException(
          "draft tokens", Integer.toString(draftTokens), "must be 0 with beams");
    }
    if (watched) {
      throw new InvalidInputException("watched", "true", "only one text can be watched, no beams");
    }
  }

  private static void require(String field, int value, int min, int max) {
    if (value < min || value > max) {
      throw new InvalidInputException(
          field, Integer.toString(value), "must be " + min + " to " + max);
    }
  }

  /** A request with {@link GenerationOptions#DEFAULT} to start from. */
  public static Builder builder(int... prompt) {
    return new Builder(prompt.clone());
  }

  /** The same, to change. */
  public Builder toBuilder() {
    var builder = new Builder(prompt);
    builder.options = options;
    builder.stopTokens = stopTokens;
    builder.minTokens = minTokens;
    builder.logProbabilities = logProbabilities;
    builder.promptLogProbabilities = promptLogProbabilities;
    builder.priority = priority;
    builder.timeout = timeout;
    builder.cacheSalt = cacheSalt;
    builder.draftTokens = draftTokens;
    builder.edits = edits;
    builder.watched = watched;
    builder.adaptation = adaptation;
    builder.beams = beams;
    builder.operation = operation;
    return builder;
  }

  /** A copy of the prompt's token ids. */
  public int[] prompt() {
    return prompt.clone();
  }

  /** The number of tokens of the prompt. */
  public int promptTokens() {
    return prompt.length;
  }

  /** How it is continued. */
  public GenerationOptions options() {
    return options;
  }

  /** Tokens that end it, as those of the model do. */
  public Set<Integer> stopTokens() {
    return stopTokens;
  }

  /** Tokens before which nothing but a stop text ends it. */
  public int minTokens() {
    return minTokens;
  }

  /**
   * Alternatives that are told in place of each generated token; 0 for the log-probability of the
   * token alone, -1 for nothing.
   */
  public int logProbabilities() {
    return logProbabilities;
  }

  /** The same for the tokens of the prompt. */
  public int promptLogProbabilities() {
    return promptLogProbabilities;
  }

  /** Requests of higher priority begin first, and give up their memory last. */
  public int priority() {
    return priority;
  }

  /** When it ends at the latest, from its submission on; null for never. */
  public @Nullable Duration timeout() {
    return timeout;
  }

  /**
   * Only requests with the same salt share a prefix's keys and values, so that nobody can tell by
   * the time an answer takes what others have asked.
   */
  public String cacheSalt() {
    return cacheSalt;
  }

  /**
   * Tokens that may be guessed ahead and are checked in one step: by the engine's draft model, or
   * where the text repeats itself (prompt lookup: Saxena 2023). The answer is the same, token by
   * token; 0 for none, −1 for as many as {@link dev.vidrio.engine.EngineOptions#draftTokens} says.
   */
  public int draftTokens() {
    return draftTokens;
  }

  /**
   * Changes of activations of this request, such as steering; others in the same steps do not
   * notice. Positions are those of the prompt and the answer together. There may be {@value
   * dev.vidrio.lens.Lens#EDITS} at a point.
   */
  public List<Edit> edits() {
    return edits;
  }

  /**
   * Whether activations are kept: those at the points that the engine was opened to capture, of
   * prompt and answer; {@link Completion#activations} has them. Its prompt runs whole.
   */
  public boolean watched() {
    return watched;
  }

  /** The adapter that it runs with, beside others with other ones; null for none. */
  public @Nullable Adaptation adaptation() {
    return adaptation;
  }

  /**
   * How the most likely answer is searched for; null where each token is chosen for itself. Tokens
   * come all at once, when the search has ended. Neither penalties nor guesses go with it, the
   * temperature must be 0, and its activations cannot be kept.
   */
  public @Nullable BeamOptions beams() {
    return beams;
  }

  /** What metrics are to call it. */
  public Operation operation() {
    return operation;
  }

  /** Collects what a request says. */
  public static final class Builder {
    private final int[] prompt;
    private GenerationOptions options = GenerationOptions.DEFAULT;
    private Set<Integer> stopTokens = Set.of();
    private int minTokens;
    private int logProbabilities = -1;
    private int promptLogProbabilities = -1;
    private int priority;
    private @Nullable Duration timeout;
    private String cacheSalt = "";
    private int draftTokens = -1;
    private List<Edit> edits = List.of();
    private boolean watched;
    private @Nullable Adaptation adaptation;
    private @Nullable BeamOptions beams;
    private Operation operation = Operation.TEXT_COMPLETION;

    private Builder(int[] prompt) {
      this.prompt = prompt;
    }

    /** Sets {@link GenerationRequest#options}. */
    public Builder options(GenerationOptions value) {
      options = value;
      return this;
    }

    /** Sets {@link GenerationRequest#stopTokens}. */
    public Builder stopTokens(Set<Integer> value) {
      stopTokens = value;
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
    public Builder edits(List<Edit> value) {
      edits = value;
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
     * The request.
     *
     * @throws InvalidInputException when something is out of range
     */
    public GenerationRequest build() {
      return new GenerationRequest(this);
    }
  }
}
