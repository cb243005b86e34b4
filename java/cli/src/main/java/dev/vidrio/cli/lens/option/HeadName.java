package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a head: {@code L1.H3}.
 *
 * @param layer from 0
 * @param head from 0
 */
public record HeadName(int layer, int head) {
  private static final Pattern NAME = Pattern.compile("L(\\d{1,4})\\.H(\\d{1,4})");

  /** Parses a name. */
  public static HeadName parse(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      throw new InvalidInputException("head", name, "must be written as L1.H3");
    }
    return new HeadName(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }
}
