package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of the metric. */
public final class MetricOption {
  /** The names of the metrics. */
  public static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(MetricKind.values()).map(MetricKind::key).iterator();
    }
  }

  @Option(
      names = "--metric",
      paramLabel = "METRIC",
      completionCandidates = Names.class,
      description =
          "What to measure: ${COMPLETION-CANDIDATES}. NAME:A,B,…/C,… measures these tokens, after"
              + " the slash the wrong ones, instead of those of each text. Default: logit-diff with"
              + " a wrong answer, else what the command measures of one answer.")
  private @Nullable String text;

  /** Returns whether {@code --metric} is given. */
  public boolean isGiven() {
    return text != null;
  }

  /** Returns the tokens of an option that takes one, or none if it is absent. */
  public static List<String> tokens(@Nullable String option) {
    return option == null ? List.of() : List.of(option);
  }

  /**
   * Rejects a given metric without the gradient that a method uses.
   *
   * @param method its name, for the error
   * @param local whether it uses the gradient at the text alone, which must not be 0 there
   */
  public void requireGradient(String method, boolean local) {
    if (isGiven()) {
      MetricSpec spec = or(MetricKind.LOGIT);
      OptionValues.of(
          () -> {
            if (local) {
              spec.requireCleanGradient(method);
            }
            spec.requireDifferentiable(method);
            return spec;
          });
    }
  }

  /** Returns the given metric, or else one of each text's tokens. */
  public MetricSpec or(MetricKind otherwise) {
    String given = text;
    return given == null
        ? MetricSpec.of(otherwise)
        : OptionValues.of(() -> MetricSpec.parse(given));
  }
}
