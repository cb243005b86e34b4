package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import java.util.Map;
import java.util.Optional;

/**
 * The string formats as regular expressions; for wide ones (email, hostname, uri), the subset that
 * all validators accept.
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
  private static final String LABEL =
      "([A-Za-z][A-Za-z0-9]{0,23}(-[A-Za-z0-9]{1,24})?"
          + "|[A-Za-z][A-Za-z0-9]{1,11}(-[A-Za-z0-9]{1,12}){2,3})";
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
  private static final String HEX = "[0-9a-fA-F]{1,4}";
  private static final String IPV6 =
      "("
          + ("(" + HEX + ":){7}" + HEX)
          + ("|(" + HEX + ":){1,7}:")
          + ("|(" + HEX + ":){1,6}:" + HEX)
          + ("|(" + HEX + ":){1,5}(:" + HEX + "){1,2}")
          + ("|(" + HEX + ":){1,4}(:" + HEX + "){1,3}")
          + ("|(" + HEX + ":){1,3}(:" + HEX + "){1,4}")
          + ("|(" + HEX + ":){1,2}(:" + HEX + "){1,5}")
          + ("|" + HEX + ":(:" + HEX + "){1,6}")
          + ("|::(" + HEX + "(:" + HEX + "){0,6})?")
          + ")";
  private static final String EMAIL =
      ATOM + "(\\." + ATOM + "){0,3}@" + LABEL + "(\\." + LABEL + "){0,2}\\.[a-z]{2,12}";
  private static final String PART = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
  private static final String PATH = "(/" + PART + "{0,48}){0,10}";
  private static final String QUERY =
      "(\\?(" + PART + "|[/?]){0,96})?(#(" + PART + "|[/?]){0,32})?";
  private static final String AUTHORITY = "//" + HOST + "(:[1-9][0-9]{0,3})?";
  private static final String URI =
      "((https?|ftp|wss?):"
          + (AUTHORITY + PATH + QUERY)
          + "|urn:[a-z][a-z0-9]{1,15}:[A-Za-z0-9._~:-]{1,64}|mailto:"
          + EMAIL
          + ")";
  private static final String REFERENCE =
      "("
          + (URI + "|" + AUTHORITY + PATH + QUERY + "|")
          + ("(/|[A-Za-z0-9._~-]{1,64}" + PATH + "|/[A-Za-z0-9._~-]{1,64}" + PATH + ")?" + QUERY)
          + ")";
  private static final String BRIEF_HOST = "[a-z][a-z0-9]{0,15}(\\.[a-z][a-z0-9]{0,15}){0,2}";
  private static final String BRIEF_PATH = "(/[A-Za-z0-9._~-]*)*(\\?[A-Za-z0-9._~=&-]*)?";
  private static final String STEP = "([^\\u0000-\\u001f~/\"\\\\]|~[01])";
  private static final String POINTER = "(/" + STEP + "{0,64}){0,16}";

  private static final Map<String, String> REGEXES =
      Map.ofEntries(
          Map.entry("date", DATE),
          Map.entry("time", TIME),
          Map.entry("date-time", DATE + "T" + TIME),
          Map.entry("duration", "P(" + CALENDAR + "(" + HOURS + ")?|" + HOURS + "|[0-9]{1,4}W)"),
          Map.entry("uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
          Map.entry("ipv4", BYTE + "(\\." + BYTE + "){3}"),
          Map.entry("ipv6", IPV6),
          Map.entry("hostname", HOST),
          Map.entry("idn-hostname", HOST),
          Map.entry("email", EMAIL),
          Map.entry("idn-email", EMAIL),
          Map.entry("uri", URI),
          Map.entry("iri", URI),
          Map.entry("uri-reference", REFERENCE),
          Map.entry("iri-reference", REFERENCE),
          Map.entry("uri-template", URI),
          Map.entry("json-pointer", POINTER),
          Map.entry("relative-json-pointer", "(0|[1-9][0-9]{0,2})(#|" + POINTER + ")"),
          Map.entry(
              "regex", "(\\^)?([A-Za-z0-9 _-]([*+?])?|\\.[*+?]?|\\\\[dsw.][*+?]?){0,128}(\\$)?"),
          Map.entry("byte", "([A-Za-z0-9+/]{4}){0,10000}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"));

  private StringFormats() {}

  /** The short form of a format, and the maximum length for which it is valid. */
  private record Brief(String regex, int length) {}

  /**
   * The short forms of formats whose parts have length limits. Combining part limits with a limit
   * of the whole needs too many states; in these forms any short text is valid.
   */
  private static final Map<String, Brief> BRIEF =
      Map.of(
          "email", new Brief("[a-z0-9]+(\\.[a-z0-9]+)*@([a-z][a-z0-9]*\\.)+[a-z]{2,12}", 63),
          "hostname", new Brief("[a-z][a-z0-9]*(-[a-z0-9]+)?(\\.[a-z][a-z0-9]*)*", 63),
          "uri", new Brief("https?://" + BRIEF_HOST + BRIEF_PATH, 128),
          "uri-reference", new Brief("(https?://" + BRIEF_HOST + ")?" + BRIEF_PATH, 128));

  /** Returns the expression of a format, if it is known. */
  static Optional<Expr> find(String format, boolean brief) {
    String regex =
        brief && BRIEF.containsKey(format) ? BRIEF.get(format).regex : REGEXES.get(format);
    return Optional.ofNullable(regex).map(each -> RegexReader.whole("format", each));
  }

  /** Returns the maximum length of a format's short form; unlimited for formats without one. */
  static int briefLength(String format) {
    return BRIEF.containsKey(format) ? BRIEF.get(format).length : Integer.MAX_VALUE;
  }

  /**
   * Returns whether a schema's format is known. An unknown one constrains nothing, as the
   * specification demands, except apparent misspellings, which are rejected.
   */
  static boolean isKnown(Subschema part) {
    String format = part.text("format");
    if (REGEXES.containsKey(format)) {
      return true;
    }
    Keywords.misspelled(format, REGEXES.keySet())
        .ifPresent(
            meant -> {
              throw part.error(
                  "format", "'" + format + "' is unknown; did you mean '" + meant + "'?");
            });
    return false;
  }
}
