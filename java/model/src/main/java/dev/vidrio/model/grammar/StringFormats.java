package dev.vidrio.model.grammar;

import java.util.Map;
import java.util.Optional;

/**
 * The formats of strings that are regular, as expressions; of wide ones (email, hostname, uri) the
 * part that every validator takes.
 */
final class StringFormats {

  private static final String YEAR = "[1-9][0-9]{3}";
  private static final String LEAP_YEAR =
      "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)";
  private static final String DATE =
      "("
          + (YEAR + "-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|")
          + (YEAR + "-(0[469]|11)-(0[1-9]|[12][0-9]|30)|")
          + (YEAR + "-02-(0[1-9]|1[0-9]|2[0-8])|")
          + (LEAP_YEAR + "-02-29")
          + ")";
  private static final String CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]";
  private static final String TIME =
      CLOCK + ":[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])";
  private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final String LABEL = "[A-Za-z][A-Za-z0-9]{0,23}(-[A-Za-z0-9]{1,24})?";
  private static final String HOST = LABEL + "(\\." + LABEL + "){0,3}";
  private static final String ATOM = "[A-Za-z0-9_+-]{1,24}";
  private static final String DAYS = "[0-9]{1,4}D";
  private static final String SECONDS = "[0-9]{1,4}S";
  private static final String MINUTES = "([0-9]{1,4}M(" + SECONDS + ")?|" + SECONDS + ")";
  private static final String HOURS =
      "T([0-9]{1,4}H([0-9]{1,4}M(" + SECONDS + ")?)?|" + MINUTES + ")";
  private static final String MONTHS = "[0-9]{1,4}M(" + DAYS + ")?";
  private static final String CALENDAR =
      "([0-9]{1,4}Y(" + MONTHS + ")?|" + MONTHS + "|" + DAYS + ")";
  private static final String PATH = "(/[A-Za-z0-9._~-]{0,64}){0,16}";

  private static final Map<String, String> REGEXES =
      Map.ofEntries(
          Map.entry("date", DATE),
          Map.entry("time", TIME),
          Map.entry("date-time", DATE + "T" + TIME),
          Map.entry("duration", "P(" + CALENDAR + "(" + HOURS + ")?|" + HOURS + "|[0-9]{1,4}W)"),
          Map.entry("uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
          Map.entry("ipv4", BYTE + "(\\." + BYTE + "){3}"),
          Map.entry("ipv6", "[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){7}"),
          Map.entry("hostname", HOST),
          Map.entry(
              "email",
              ATOM + "(\\." + ATOM + "){0,3}@" + LABEL + "(\\." + LABEL + "){0,2}\\.[a-z]{2,12}"),
          Map.entry(
              "uri",
              "https?://"
                  + HOST
                  + "(:[1-9][0-9]{0,3})?"
                  + PATH
                  + "(\\?[A-Za-z0-9._~=&-]{0,128})?"));

  private StringFormats() {}

  /** The expression of a format, if it is known. */
  static Optional<Expr> find(String format) {
    return Optional.ofNullable(REGEXES.get(format))
        .map(regex -> RegexReader.whole("format", regex));
  }

  /** The names of all of them. */
  static String names() {
    return String.join(", ", REGEXES.keySet().stream().sorted().toList());
  }
}
