package dev.vidrio.cli.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The sampling options. */
public final class SamplingOption {
  private static final double DEFAULT_TEMPERATURE = 0.8;

  /** The limit of the server, as of OpenAI's API; above it the output is noise. */
  private static final double MAX_TEMPERATURE = 2;

  @Option(
      names = {"--temp", "--temperature"},
      paramLabel = "T",
      description = "Temperature, 0 to 2; 0 takes the most likely token. Default: 0.8.")
  private @Nullable Double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Keep the K most likely tokens; 0: all.")
  private int topK = 40;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Nucleus sampling: keep the most likely tokens that together reach P; 1: all.")
  private double topP = 0.95;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Keep tokens at least P times as likely as the most likely one; 0: all.")
  private double minP = 0.05;

  @Option(
      names = "--repeat-penalty",
      paramLabel = "R",
      defaultValue = "1",
      description = "Repetition penalty: divides logits of tokens that occurred; 1: off.")
  private double repeatPenalty;

  @Option(
      names = "--frequency-penalty",
      paramLabel = "F",
      defaultValue = "0",
      description = "Frequency penalty: subtracted for each occurrence of a token.")
  private double frequencyPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = "F",
      defaultValue = "0",
      description = "Presence penalty: subtracted once if a token occurred.")
  private double presencePenalty;

  @Option(
      names = "--repeat-last-n",
      paramLabel = "N",
      description = "Number of recent tokens that penalties look at.")
  private int penaltyWindow = 64;

  @Option(
      names = "--dry-multiplier",
      paramLabel = "M",
      defaultValue = "0",
      description =
          "DRY: the penalty of a token that would continue a repetition of more than the allowed"
              + " length is M times a power of the base; 0: off.")
  private double dryMultiplier;

  @Option(
      names = "--dry-base",
      paramLabel = "B",
      description = "DRY: the growth of the penalty with each repeated token.")
  private double dryBase = DryOptions.OFF.base();

  @Option(
      names = "--dry-allowed-length",
      paramLabel = "N",
      description = "DRY: repetitions of N tokens are allowed.")
  private int dryAllowedLength = DryOptions.OFF.allowedLength();

  @Option(
      names = "--dry-penalty-last-n",
      paramLabel = "N",
      description = "DRY: number of recent tokens in which repetitions are found.")
  private int dryWindow = DryOptions.OFF.window();

  @Option(
      names = "--dry-sequence-breaker",
      paramLabel = "TEXT",
      description =
          "DRY: a text that ends repetitions, instead of the default ones; give the option several"
              + " times, or 'none'. Default: line break, colon, quotation mark, asterisk.")
  private @Nullable List<String> dryBreakers;

  @Option(
      names = {"--top-n-sigma", "--top-nsigma"},
      paramLabel = "N",
      description =
          "Keep tokens within N standard deviations of the largest logit; 0 or less: all.")
  private double topNSigma;

  @Option(
      names = "--xtc-probability",
      paramLabel = "P",
      defaultValue = "0",
      description =
          "XTC: with probability P, exclude all tokens that reach the threshold but the least"
              + " likely of them; 0: off.")
  private double xtcProbability;

  @Option(
      names = "--xtc-threshold",
      paramLabel = "P",
      description = "XTC: the probability that excluded tokens reach; above 0.5: off.")
  private double xtcThreshold = 0.1;

  @Option(
      names = "--logit-bias",
      paramLabel = "ID=BIAS",
      split = ",",
      description = "Add a bias to a token id's logit; separate several by commas.")
  private Map<Integer, Float> logitBias = new HashMap<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Random seed. Default: a new one each time.")
  private @Nullable Long seed;

  /** Returns the sampling options, with a random seed if none is given. */
  public SamplingOptions toOptions() {
    return toOptions(DEFAULT_TEMPERATURE);
  }

  /** Returns the sampling options, with a given default of the temperature. */
  public SamplingOptions toOptions(double otherwise) {
    if (temperature != null && temperature > MAX_TEMPERATURE) {
      throw new UsageException("temperature " + temperature + ": must be 0 to 2");
    }
    SamplingOptions.Builder options =
        SamplingOptions.builder()
            .temperature(temperature == null ? otherwise : temperature)
            .topK(topK)
            .topP(topP)
            .minP(minP)
            .repeatPenalty(repeatPenalty)
            .frequencyPenalty(frequencyPenalty)
            .presencePenalty(presencePenalty)
            .penaltyWindow(penaltyWindow)
            .dry(OptionValues.of(this::dry))
            .topNSigma(Math.max(0, topNSigma))
            .xtc(xtcProbability, xtcThreshold)
            .logitBias(logitBias)
            .seed(seed == null ? RandomGenerator.getDefault().nextLong() : seed);
    return OptionValues.of(options::build);
  }

  private DryOptions dry() {
    List<String> breakers = DryOptions.OFF.breakers();
    if (dryBreakers != null) {
      breakers = dryBreakers.equals(List.of("none")) ? List.of() : dryBreakers;
    }
    return new DryOptions(dryMultiplier, dryBase, dryAllowedLength, dryWindow, breakers);
  }
}
