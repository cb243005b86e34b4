package dev.vidrio.model.sampling;

import dev.vidrio.error.InvalidInputException;
import java.util.Map;

/**
 * Options for choosing the next token. {@link Sampler} documents the order of the steps.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK keeps the k most likely tokens; 0 for all
 * @param topP keeps the most likely tokens that together reach p; 1 for all
 * @param minP keeps the tokens at least minP times as likely as the most likely one; 0 for all
 * @param repeatPenalty divides positive logits of tokens that occurred and multiplies negative
 *     ones; 1 for none
 * @param frequencyPenalty is subtracted for each occurrence
 * @param presencePenalty is subtracted once if a token occurred
 * @param penaltyWindow how many of the last tokens, prompt included, the penalties look at
 * @param logitBias is added to the logits of these token ids
 * @param seed of the random number generator
 */
public record SamplingOptions(
    double temperature,
    int topK,
    double topP,
    double minP,
    double repeatPenalty,
    double frequencyPenalty,
    double presencePenalty,
    int penaltyWindow,
    Map<Integer, Float> logitBias,
    long seed) {

  /** Temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, no penalties, seed 0. */
  public static final SamplingOptions DEFAULT = builder().build();

  /** Always the most likely token. */
  public static final SamplingOptions GREEDY = builder().temperature(0).build();

  /** Checks the ranges. */
  public SamplingOptions {
    require("temperature", temperature, 0, 100);
    require("top-k", topK, 0, Integer.MAX_VALUE);
    require("top-p", topP, 0, 1);
    require("min-p", minP, 0, 1);
    require("repeat penalty", repeatPenalty, 1e-3, 1e3);
    require("frequency penalty", frequencyPenalty, -1e3, 1e3);
    require("presence penalty", presencePenalty, -1e3, 1e3);
    require("penalty window", penaltyWindow, 0, 1 << 20);
    logitBias = Map.copyOf(logitBias);
    logitBias.forEach(
        (token, bias) -> {
          if (bias.isNaN()) {
            throw new InvalidInputException("logit bias of " + token, "NaN", "must be a number");
          }
        });
  }

  private static void require(String field, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new InvalidInputException(
          field, plain(value), "must be " + plain(min) + " to " + plain(max));
    }
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  /** Starts from {@link #DEFAULT}. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from these. */
  public Builder toBuilder() {
    return builder()
        .temperature(temperature)
        .topK(topK)
        .topP(topP)
        .minP(minP)
        .repeatPenalty(repeatPenalty)
        .frequencyPenalty(frequencyPenalty)
        .presencePenalty(presencePenalty)
        .penaltyWindow(penaltyWindow)
        .logitBias(logitBias)
        .seed(seed);
  }

  /** Whether tokens that occurred are penalized. */
  public boolean penalizes() {
    return repeatPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0;
  }

  /** The same with another seed. */
  public SamplingOptions withSeed(long other) {
    return toBuilder().seed(other).build();
  }

  /** Collects options. */
  public static final class Builder {
    private double temperature = 0.8;
    private int topK = 40;
    private double topP = 0.95;
    private double minP = 0.05;
    private double repeatPenalty = 1;
    private double frequencyPenalty;
    private double presencePenalty;
    private int penaltyWindow = 64;
    private Map<Integer, Float> logitBias = Map.of();
    private long seed;

    private Builder() {}

    /** Sets {@link SamplingOptions#temperature}. */
    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    /** Sets {@link SamplingOptions#topK}. */
    public Builder topK(int value) {
      topK = value;
      return this;
    }

    /** Sets {@link SamplingOptions#topP}. */
    public Builder topP(double value) {
      topP = value;
      return this;
    }

    /** Sets {@link SamplingOptions#minP}. */
    public Builder minP(double value) {
      minP = value;
      return this;
    }

    /** Sets {@link SamplingOptions#repeatPenalty}. */
    public Builder repeatPenalty(double value) {
      repeatPenalty = value;
      return this;
    }

    /** Sets {@link SamplingOptions#frequencyPenalty}. */
    public Builder frequencyPenalty(double value) {
      frequencyPenalty = value;
      return this;
    }

    /** Sets {@link SamplingOptions#presencePenalty}. */
    public Builder presencePenalty(double value) {
      presencePenalty = value;
      return this;
    }

    /** Sets {@link SamplingOptions#penaltyWindow}. */
    public Builder penaltyWindow(int value) {
      penaltyWindow = value;
      return this;
    }

    /** Sets {@link SamplingOptions#logitBias}. */
    public Builder logitBias(Map<Integer, Float> value) {
      logitBias = value;
      return this;
    }

    /** Sets {@link SamplingOptions#seed}. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** The options. */
    public SamplingOptions build() {
      return new SamplingOptions(
          temperature,
          topK,
          topP,
          minP,
          repeatPenalty,
          frequencyPenalty,
          presencePenalty,
          penaltyWindow,
          logitBias,
          seed);
    }
  }
}
