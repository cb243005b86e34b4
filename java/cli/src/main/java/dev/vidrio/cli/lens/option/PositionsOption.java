package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of a range of positions. */
public final class PositionsOption {
  private static final Pattern RANGE = Pattern.compile("(-?\\d{1,9}|):(-?\\d{1,9}|)");

  @Option(
      names = "--positions",
      paramLabel = "FROM:TO",
      description =
          "Only positions FROM (from 0) to TO (exclusive); negative ones count from the end. Both"
              + " may be omitted.")
  private @Nullable String range;

  /** Returns whether a range is given. */
  public boolean isAsked() {
    return range != null;
  }

  /**
   * Limits a capture to the range.
   *
   * @param tokens the number of tokens of the text
   */
  public Capture of(Capture capture, int tokens) {
    if (range == null) {
      return capture;
    }
    Matcher matcher = RANGE.matcher(range);
    if (!matcher.matches()) {
      throw new UsageException(
          "--positions '" + range + "': must be FROM:TO, such as 0:10, 5: or -3:");
    }
    int from = position(matcher.group(1), 0, tokens);
    int to = position(matcher.group(2), tokens, tokens);
    if (from < 0 || from >= tokens || to <= from) {
      throw new InvalidInputException(
          "positions",
          "'" + range + "'",
          "must include one or more of the text's " + tokens + " tokens");
    }
    return capture.positions(from, Math.min(to, tokens));
  }

  private static int position(String digits, int otherwise, int tokens) {
    int number = digits.isEmpty() ? otherwise : Integer.parseInt(digits);
    return number < 0 ? tokens + number : number;
  }
}
