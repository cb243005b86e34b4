package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Metric;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The next token that a command explains, and a token to contrast it with. */
public final class TargetOption {
  @Option(
      names = "--token",
      paramLabel = "TEXT",
      description = "The next token, or #N. Default: the most likely one.")
  private @Nullable String token;

  @Option(names = "--versus", paramLabel = "TEXT", description = "A token whose logit to subtract.")
  private @Nullable String versus;

  /** Returns the given token, or the most likely one after a text. */
  public int token(Model model, int[] text) {
    if (token != null) {
      return TokenText.parse(model, "token", token);
    }
    try (Session session = model.newSession(SessionOptions.DEFAULT.withContext(text.length))) {
      session.feed(session.newSequence(), text);
      return session.candidates().id(0);
    }
  }

  /** Returns the contrasted token, or −1 for none. */
  public int versus(Model model) {
    return versus == null ? -1 : TokenText.parse(model, "versus", versus);
  }

  /** Returns the log-probability of a token, or the difference of two logits, as a metric. */
  public static Metric metric(int token, int versus) {
    return versus < 0 ? Metric.logProbability(token) : Metric.logitDifference(token, versus);
  }

  /** Returns the name of {@link #metric}. */
  public static String title(Model model, int token, int versus) {
    String text = TokenText.of(model, token);
    return versus < 0
        ? "log-probability of " + text
        : "logit of " + text + " minus that of " + TokenText.of(model, versus);
  }
}
