package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The next token that a command explains, and a token to contrast it with. */
public final class TargetOption {
  @Option(
      names = "--token",
      paramLabel = "TEXT",
      description = "The next token, or #N. Default: the most likely one.")
  private @Nullable String token;

  @Option(
      names = "--versus",
      paramLabel = "TEXT",
      description = "A token to contrast it with; its logit is subtracted.")
  private @Nullable String versus;

  /**
   * The next token to explain, and the one to contrast it with.
   *
   * @param versus −1 for none
   */
  public record Target(Model model, int token, int versus) {
    /** Returns the name of the logit of the token, or of the difference of the two logits. */
    public String logitName() {
      String name = "logit of " + TokenText.of(model, token);
      return versus < 0 ? name : name + " minus that of " + TokenText.of(model, versus);
    }

    /** Adds the tokens to a JSON object. */
    public void fill(JsonObject object) {
      object.put("token", token);
      if (versus >= 0) {
        object.put("versus", versus);
      }
    }
  }

  /** Returns whether a token is given. */
  public boolean isGiven() {
    return token != null || versus != null;
  }

  /** Returns the given token, or the most likely one after a text. */
  public Target of(Model model, int[] text) {
    return new Target(
        model,
        token == null ? mostLikely(model, text) : TokenText.parse(model, "token", token),
        versus == null ? -1 : TokenText.parse(model, "versus", versus));
  }

  /**
   * Returns the given metric, or else the logit difference if there is a token to contrast with.
   *
   * @param otherwise the metric of one token if none is given
   */
  public MetricSpec or(MetricOption metric, MetricKind otherwise) {
    return metric.or(versus == null ? otherwise : MetricKind.LOGIT_DIFF);
  }

  /**
   * Returns what is measured of the next token: the given metric, or else the logit difference if
   * there is a token to contrast with.
   *
   * @param otherwise the metric of one token if none is given
   */
  public Measured of(Lens lens, int[] text, MetricOption metric, MetricKind otherwise) {
    Model model = lens.model();
    MetricSpec spec = or(metric, otherwise);
    if (!spec.needsAnswers()) {
      return Measured.of(lens, spec.bind(model, List.of(), List.of(), ""), text);
    }
    String answer = token == null ? "#" + mostLikely(model, text) : token;
    List<String> wrong = MetricOption.tokens(versus);
    try {
      return Measured.of(lens, spec.bind(model, List.of(answer), wrong, ""), text);
    } catch (InvalidInputException e) {
      String option = e.field().equals("answer") ? "token" : "versus";
      throw e.field().equals("answer") || e.field().equals("wrong")
          ? new InvalidInputException(option, e.value(), e.limit())
          : e;
    }
  }

  /**
   * Returns the metric of each token of an answer: its logit or log-probability, or its logit minus
   * that of the token to contrast it with.
   *
   * @param probabilities true for log-probabilities
   */
  public IntFunction<DifferentiableMetric> ofAnswer(Model model, boolean probabilities) {
    if (versus == null) {
      return probabilities ? Metric::logProbability : Metric::logit;
    }
    int other = TokenText.parse(model, "versus", versus);
    return token -> Metric.logitDifference(token, other);
  }

  /** Returns the name of {@link #ofAnswer}. */
  public String answerName(boolean probabilities) {
    if (versus == null) {
      return probabilities ? "log-probability" : "logits";
    }
    return "logits minus that of \"" + versus + "\"";
  }

  private static int mostLikely(Model model, int[] text) {
    try (Session session = model.newSession(SessionOptions.EXACT.withContext(text.length))) {
      session.feed(session.newSequence(), text);
      return session.candidates().id(0);
    }
  }
}
