package dev.vidrio.grammar.schema;

import static java.util.Objects.requireNonNull;

import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The string formats as regular expressions; for wide ones (email, hostname, uri), the subset that
 * all validators accept.
 */
final class StringFormats {

  /** The formats, and in upper case the parts to which later regular expressions refer. */
  private static final String DEFINITIONS =
      """
      YEAR [1-9][0-9]{3}
      LEAP_YEAR ([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)
      DATE (<YEAR>-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])\
      |<YEAR>-(0[469]|11)-(0[1-9]|[12][0-9]|30)\
      |<YEAR>-02-(0[1-9]|1[0-9]|2[0-8])\
      |<LEAP_YEAR>-02-29)
      CLOCK ([01][0-9]|2[0-3]):[0-5][0-9]
      TIME <CLOCK>:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])
      BYTE (25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])
      LABEL ([A-Za-z][A-Za-z0-9]{0,23}(-[A-Za-z0-9]{1,24})?\
      |[A-Za-z][A-Za-z0-9]{1,11}(-[A-Za-z0-9]{1,12}){2,3})
      HOST <LABEL>(\\.<LABEL>){0,3}
      ATOM [A-Za-z0-9_+-]{1,24}
      DAYS [0-9]{1,4}D
      SECONDS [0-9]{1,4}S
      MINUTES ([0-9]{1,4}M(<SECONDS>)?|<SECONDS>)
      HOURS T([0-9]{1,4}H([0-9]{1,4}M(<SECONDS>)?)?|<MINUTES>)
      MONTHS [0-9]{1,4}M(<DAYS>)?
      CALENDAR ([0-9]{1,4}Y(<MONTHS>)?|<MONTHS>|<DAYS>)
      HEX [0-9a-fA-F]{1,4}
      EMAIL <ATOM>(\\.<ATOM>){0,3}@<LABEL>(\\.<LABEL>){0,2}\\.[a-z]{2,12}
      PART ([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})
      PATH (/<PART>{0,48}){0,10}
      QUERY (\\?(<PART>|[/?]){0,96})?(#(<PART>|[/?]){0,32})?
      AUTHORITY //<HOST>(:[1-9][0-9]{0,3})?
      URI ((https?|ftp|wss?):<AUTHORITY><PATH><QUERY>\
      |urn:[a-z][a-z0-9]{1,15}:[A-Za-z0-9._~:-]{1,64}|mailto:<EMAIL>)
      REFERENCE (<URI>|<AUTHORITY><PATH><QUERY>\
      |(/|[A-Za-z0-9._~-]{1,64}<PATH>|/[A-Za-z0-9._~-]{1,64}<PATH>)?<QUERY>)
      POINTER (/([^\\u0000-\\u001f~/"\\\\]|~[01]){0,64}){0,16}
      COUNT [0-9]{1,3},?|[0-9],[1-9][0-9]{1,2}|0,[0-9]|1,[1-9]|2,[2-9]|3,[3-9]|4,[4-9]
      REPEAT ([*+?]|\\{(<COUNT>)\\})\\??
      ESCAPE \\\\[dDsSwWnrt.*+?^$|(){}\\[\\]\\\\/]
      ITEM ([A-Za-z0-9_ .,:;@#%=/!?*+$(){}|]|a-z|A-Z|0-9|\\\\[dDsSwW.\\\\/\\]-])
      CLASS \\[\\^?(<ITEM>)+-?\\]
      SOME ([A-Za-z0-9 _:;,'=!@#%&~/-]|\\.|<ESCAPE>|<CLASS>)(<REPEAT>)?
      GROUP \\((\\?:)?(<SOME>)+(\\|(<SOME>)+)*\\)(<REPEAT>)?
      date <DATE>
      time <TIME>
      date-time <DATE>T<TIME>
      duration P(<CALENDAR>(<HOURS>)?|<HOURS>|[0-9]{1,4}W)
      uuid [0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}
      ipv4 <BYTE>(\\.<BYTE>){3}
      ipv6 ((<HEX>:){7}<HEX>|(<HEX>:){1,7}:|(<HEX>:){1,6}:<HEX>|(<HEX>:){1,5}(:<HEX>){1,2}\
      |(<HEX>:){1,4}(:<HEX>){1,3}|(<HEX>:){1,3}(:<HEX>){1,4}|(<HEX>:){1,2}(:<HEX>){1,5}\
      |<HEX>:(:<HEX>){1,6}|::(<HEX>(:<HEX>){0,6})?)
      hostname <HOST>
      idn-hostname <HOST>
      email <EMAIL>
      idn-email <EMAIL>
      uri <URI>
      iri <URI>
      uri-reference <REFERENCE>
      iri-reference <REFERENCE>
      uri-template <URI>
      json-pointer <POINTER>
      relative-json-pointer (0|[1-9][0-9]{0,2})(#|<POINTER>)
      regex (\\^)?(<SOME>|<GROUP>|\\|)*(\\$)?
      byte ([A-Za-z0-9+/]{4}){0,10000}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?
      """;

  private static final Map<String, String> REGEXES = readDefinitions();
  private static final String BRIEF_HOST = "[a-z][a-z0-9]{0,15}(\\.[a-z][a-z0-9]{0,15}){0,2}";
  private static final String BRIEF_PATH = "(/[A-Za-z0-9._~-]*)*(\\?[A-Za-z0-9._~=&-]*)?";

  private StringFormats() {}

  private static Map<String, String> readDefinitions() {
    Pattern reference = Pattern.compile("<([A-Z_]+)>");
    Map<String, String> parts = new HashMap<>();
    Map<String, String> formats = new HashMap<>();
    for (String line : DEFINITIONS.lines().toList()) {
      String name = line.substring(0, line.indexOf(' '));
      String regex =
          reference
              .matcher(line.substring(name.length() + 1))
              .replaceAll(
                  part -> Matcher.quoteReplacement(requireNonNull(parts.get(part.group(1)))));
      (Character.isUpperCase(name.charAt(0)) ? parts : formats).put(name, regex);
    }
    return formats;
  }

  /** The short form of a format, and the maximum length for which it is valid. */
  private record Brief(String regex, int length) {}

  /**
   * The short forms of formats with length limits on their parts. Combining part limits with a
   * limit of the whole needs too many states; in these forms any short text is valid.
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
