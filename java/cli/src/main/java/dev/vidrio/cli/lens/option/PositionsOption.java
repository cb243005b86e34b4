package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Capture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which positions of a text a command is about. */
public final class PositionsOption {
  private static final Pattern RANGE = Pattern.compile("(\\d{0,9}):(\\d{0,9})");

  @Option(
      names = "--positions",
      paramLabel = "FROM:TO",
      description =
          "Only positions from FROM to TO, from 0, TO excluded. Either may be left" + " out.")
  private @Nullable String range;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  public PositionsOption() {}

  /** The same capture for the positions that were asked for. */
  public Capture of(Capture capture) {
    if (range == null) {
      return capture;
    }
    Matcher matcher = RANGE.matcher(range);
    if (!matcher.matches()) {
      throw new ParameterException(
          command.commandLine(), "--positions " + range + ": must be FROM:TO, as 0:10 or 5:");
    }
    return capture.positions(
        number(matcher.group(1), 0), number(matcher.group(2), Integer.MAX_VALUE));
  }

  private static int number(String digits, int otherwise) {
    return digits.isEmpty() ? otherwise : Integer.parseInt(digits);
  }
}
