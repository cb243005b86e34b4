package dev.vidrio.model.sampling;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import java.util.Map;

/**
 * Options for choosing the next token. {@link Sampler} specifies the order of the steps. Start from
 * {@link #DEFAULT}, {@link #GREEDY} or a {@linkplain #builder builder}. Immutable.
 *
 * @param temperature divides the logits; 0 selects the most likely token (greedy decoding)
 * @param topK keeps the k most likely tokens; 0 for all
 * @param topP keeps the smallest set of most likely tokens with a total probability of at least p;
 *     1 for all
 * @param minP keeps tokens at least minP times as likely as the most likely one; 0 for all
 * @param repeatPenalty divides positive logits of tokens that occurred and multiplies negative
 *     ones; 1 for none
 * @param frequencyPenalty is subtracted from the logit of a token for each occurrence
 * @param presencePenalty is subtracted once from the logit of a token that occurred
 * @param penaltyWindow number of last tokens, including the prompt, that the penalties count
 * @param dry a penalty for tokens that would continue a repetition
 * @param topNSigma keeps tokens with logits of at least the maximum minus topNSigma standard
 *     deviations of all logits (Tang et al. 2024, arXiv 2411.07641); 0 for all
 * @param xtcProbability probability with which the most likely tokens are excluded (XTC): all of
 *     those that reach the threshold but the least likely one; 0 for never
 * @param xtcThreshold the probability that these tokens reach; above 0.5 for never
 * @param logitBias is added to the logits of these token ids
 * @param seed the seed of the random number generator
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
    DryOptions dry,
    double topNSigma,
    double xtcProbability,
    double xtcThreshold,
    Map<Integer, Float> logitBias,
    long seed) {

  /** Temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, no penalties, seed 0. */
  public static final SamplingOptions DEFAULT = builder().build();

  /** Greedy decoding: always the most likely token. */
  public static final SamplingOptions GREEDY = builder().temperature(0).build();

  /** Rejects values that are out of range. */
  public SamplingOptions {
    requireRange("temperature", temperature, 0, 100);
    requireRange("top-k", topK, 0, Integer.MAX_VALUE);
    requireRange("top-p", topP, 0, 1);
    requireRange("min-p", minP, 0, 1);
    requireRange("repeat penalty", repeatPenalty, 1e-3, 1e3);
    requireRange("frequency penalty", frequencyPenalty, -1e3, 1e3);
    requireRange("presence penalty", presencePenalty, -1e3, 1e3);
    requireRange("penalty window", penaltyWindow, 0, 1 << 20);
    requireRange("top-nσ", topNSigma, 0, 1e3);
    requireRange("XTC probability", xtcProbability, 0, 1);
    requireRange("XTC threshold", xtcThreshold, 0, 1);
    logitBias = Map.copyOf(logitBias);
    logitBias.forEach(
        (token, bias) -> {
          if (bias.isNaN()) {
            throw new InvalidInputException("logit bias of " + token, "NaN", "must be a number");
          }
        });
  }

  /** Returns a builder with the values of {@link #DEFAULT}. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns a builder with the values of these options. */
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
        .dry(dry)
        .topNSigma(topNSigma)
        .xtc(xtcProbability, xtcThreshold)
        .logitBias(logitBias)
        .seed(seed);
  }

  /** Returns whether any penalty is active. */
  public boolean penalizes() {
    return repeatPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0;
  }

  /** Returns whether likely tokens may be excluded. */
  public boolean excludesLikely() {
    return xtcProbability > 0 && xtcThreshold <= 0.5;
  }

  /** Returns a copy with another seed. */
  public SamplingOptions withSeed(long other) {
    return toBuilder().seed(other).build();
  }

  /** Builds options. */
  public static final class Builder {
    private double temperature = 0.8;
    private int topK = 40;
    private double topP = 0.95;
    private double minP = 0.05;
    private double repeatPenalty = 1;
    private double frequencyPenalty;
    private double presencePenalty;
    private int penaltyWindow = 64;
    private DryOptions dry = DryOptions.OFF;
    private double topNSigma;
    private double xtcProbability;
    private double xtcThreshold = 0.1;
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

    /** Sets {@link SamplingOptions#dry}. */
    public Builder dry(DryOptions value) {
      dry = value;
      return this;
    }

    /** Sets {@link SamplingOptions#topNSigma}. */
    public Builder topNSigma(double value) {
      topNSigma = value;
      return this;
    }

    /** Sets {@link SamplingOptions#xtcProbability} and {@link SamplingOptions#xtcThreshold}. */
    public Builder xtc(double probability, double threshold) {
      xtcProbability = probability;
      xtcThreshold = threshold;
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

    /** Returns the options. */
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
          dry,
          topNSigma,
          xtcProbability,
          xtcThreshold,
          logitBias,
          seed);
    }
  }
}
