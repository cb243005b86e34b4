package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Metric;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The next token that a command asks about, and one that it is compared with. */
public final class TargetOption {
  @Option(
      names = "--token",
      paramLabel = "TEXT",
      description = "The next token, or #N. Default: the most likely one.")
  private @Nullable String token;

  @Option(names = "--versus", paramLabel = "TEXT", description = "A token whose logit to subtract.")
  private @Nullable String versus;

  public TargetOption() {}

  /** The token after a text. */
  public int token(Model model, int[] text) {
    if (token != null) {
      return TokenText.parse(model, "token", token);
    }
    try (Session session = model.newSession(SessionOptions.DEFAULT.withContext(text.length))) {
      session.feed(session.newSequence(), text);
      return session.candidates().id(0);
    }
  }

  /** The token it is compared with; −1 for none. */
  public int versus(Model model) {
    return versus == null ? -1 : TokenText.parse(model, "versus", versus);
  }

  /** The log-probability of a token, or the difference of two logits. */
  public static Metric metric(int token, int versus) {
    return versus < 0 ? Metric.logProbability(token) : Metric.logitDifference(token, versus);
  }

  /** What {@link #metric} is called. */
  public static String title(Model model, int token, int versus) {
    String text = TokenText.of(model, token);
    return versus < 0
        ? "log-probability of " + text
        : "logit of " + text + " less that of " + TokenText.of(model, versus);
  }
}
