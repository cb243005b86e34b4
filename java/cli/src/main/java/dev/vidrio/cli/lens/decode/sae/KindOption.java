package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.lens.decode.sae.SaeKind;
import dev.vidrio.lens.decode.sae.SaeKind.ActivityPenalty;
import dev.vidrio.lens.decode.sae.SaeKind.JumpRelu;
import dev.vidrio.lens.decode.sae.SaeOptions;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The kind of a dictionary that is trained, and its settings. */
final class KindOption {
  /** The kinds. */
  enum Kind {
    STANDARD,
    TOPK,
    ABSTOPK,
    MATCHING_PURSUIT,
    BATCHTOPK,
    MATRYOSHKA,
    GATED,
    JUMPRELU
  }

  private static final Set<Kind> PENALIZED = EnumSet.of(Kind.STANDARD, Kind.GATED, Kind.JUMPRELU);

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "topk",
      description = "How few features are active: ${COMPLETION-CANDIDATES}.")
  private Kind kind = Kind.TOPK;

  @Option(
      names = "-k",
      paramLabel = "K",
      description = {
        "topk, abstopk: features active per token. batchtopk, matryoshka: on average over a batch.",
        "matching_pursuit: features that a token selects at most, one after another. jumprelu with"
            + " --form quadratic: the target. Default: 16."
      })
  private @Nullable Integer k;

  @Option(
      names = "--residual",
      paramLabel = "X",
      description =
          "matching_pursuit: norm of what is left of an activation at which a token selects no"
              + " further feature, where activations have the mean norm √d. Default: 0.01.")
  private @Nullable Double residual;

  @Option(
      names = "--widths",
      paramLabel = "N",
      split = ",",
      description = "matryoshka: numbers of first features that also have a loss of their own.")
  private @Nullable List<Integer> widths;

  @Option(
      names = "--penalty",
      paramLabel = "X",
      description =
          "standard, gated, jumprelu: coefficient of the penalty of active features. Default: 1.")
  private @Nullable Double penalty;

  @Option(
      names = "--form",
      paramLabel = "FORM",
      defaultValue = "step",
      description =
          "jumprelu: whether the penalty counts active features, adds up tanh of their values, or"
              + " has a target of their number: ${COMPLETION-CANDIDATES}.")
  private ActivityPenalty form = ActivityPenalty.STEP;

  @Option(
      names = "--tanh-scale",
      paramLabel = "X",
      description = "jumprelu with --form tanh: factor of values. Default: 4.")
  private @Nullable Double scale;

  @Option(
      names = "--threshold",
      paramLabel = "X",
      description = "jumprelu: the initial threshold. Default: 0.01.")
  private @Nullable Double threshold;

  @Option(
      names = "--bandwidth",
      paramLabel = "X",
      description =
          "jumprelu: width of the window around a threshold from which it learns. Default: 0.05.")
  private @Nullable Double bandwidth;

  @Option(
      names = "--pre-act",
      paramLabel = "X",
      description =
          "jumprelu: coefficient of a penalty of dead features for pre-activations below the"
              + " threshold. Default: 0.")
  private @Nullable Double preActivations;

  @Option(
      names = "--ste-encoder",
      description = "jumprelu: estimates near thresholds train the encoder too.")
  private boolean trainsEncoder;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      description =
          "standard, gated, jumprelu: first steps, in which the penalty rises from 0. Default: 0.")
  private @Nullable Integer warmUp;

  @Option(
      names = "--dead-weight",
      paramLabel = "X",
      description =
          "Not jumprelu, matching_pursuit: weight of the loss by which dead features learn what the others leave; 0"
              + " for none. Default: 1.")
  private @Nullable Double deadWeight;

  /** Returns the number of steps in which the penalty rises. */
  int warmUp() {
    require("--warm-up", warmUp, PENALIZED);
    return Objects.requireNonNullElse(warmUp, SaeOptions.DEFAULT.warmUp());
  }

  /** Returns the weight of the loss of dead features. */
  double deadWeight() {
    require(
        "--dead-weight",
        deadWeight,
        EnumSet.complementOf(EnumSet.of(Kind.JUMPRELU, Kind.MATCHING_PURSUIT)));
    return Objects.requireNonNullElse(deadWeight, SaeOptions.DEFAULT.auxiliary());
  }

  /** Returns the name of the kind, as it is given. */
  String name() {
    return name(kind);
  }

  /** Returns the kind with its settings. */
  SaeKind toKind() {
    require("-k", k, EnumSet.complementOf(EnumSet.of(Kind.STANDARD, Kind.GATED)));
    require("--residual", residual, EnumSet.of(Kind.MATCHING_PURSUIT));
    require("--widths", widths, EnumSet.of(Kind.MATRYOSHKA));
    require("--penalty", penalty, PENALIZED);
    Set<Kind> jumps = EnumSet.of(Kind.JUMPRELU);
    require("--form", form == ActivityPenalty.STEP ? null : form, jumps);
    require("--tanh-scale", scale, jumps);
    require("--threshold", threshold, jumps);
    require("--bandwidth", bandwidth, jumps);
    require("--pre-act", preActivations, jumps);
    require("--ste-encoder", trainsEncoder ? true : null, jumps);
    int count = Objects.requireNonNullElse(k, 16);
    double coefficient = Objects.requireNonNullElse(penalty, 1.0);
    return switch (kind) {
      case STANDARD -> new SaeKind.Standard(coefficient);
      case TOPK -> new SaeKind.TopK(count);
      case ABSTOPK -> new SaeKind.AbsTopK(count);
      case MATCHING_PURSUIT ->
          new SaeKind.MatchingPursuit(count, Objects.requireNonNullElse(residual, 0.01));
      case BATCHTOPK -> new SaeKind.BatchTopK(count);
      case MATRYOSHKA ->
          new SaeKind.Matryoshka(count, Objects.requireNonNullElse(widths, List.of()));
      case GATED -> new SaeKind.Gated(coefficient);
      case JUMPRELU -> jumpRelu(coefficient, count);
    };
  }

  private SaeKind jumpRelu(double coefficient, int target) {
    JumpRelu some = JumpRelu.DEFAULT;
    return new JumpRelu(
        form,
        coefficient,
        Objects.requireNonNullElse(scale, some.scale()),
        target,
        Objects.requireNonNullElse(threshold, some.threshold()),
        Objects.requireNonNullElse(bandwidth, some.bandwidth()),
        Objects.requireNonNullElse(preActivations, some.preActivations()),
        trainsEncoder);
  }

  private void require(String option, @Nullable Object value, Set<Kind> kinds) {
    if (value != null && !kinds.contains(kind)) {
      String others = kinds.stream().map(KindOption::name).collect(Collectors.joining(", "));
      throw new UsageException(
          "%s: is not for --kind %s; is for %s".formatted(option, name(kind), others));
    }
  }

  private static String name(Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
