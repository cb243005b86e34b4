package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The code point sets of {@code \p{…}}: general categories and scripts. */
final class CharProperties {

  private static final Map<String, CharSet> CATEGORIES =
      Map.ofEntries(
          Map.entry("L", CharSet.LETTER),
          Map.entry("M", CharSet.MARK),
          Map.entry("N", CharSet.NUMBER),
          Map.entry("P", CharSet.PUNCTUATION),
          Map.entry("S", CharSet.SYMBOL),
          Map.entry("Z", CharSet.SEPARATOR),
          Map.entry("Lu", CharSet.categories(Character.UPPERCASE_LETTER)),
          Map.entry("Ll", CharSet.categories(Character.LOWERCASE_LETTER)),
          Map.entry("Lt", CharSet.categories(Character.TITLECASE_LETTER)),
          Map.entry("Lm", CharSet.categories(Character.MODIFIER_LETTER)),
          Map.entry("Lo", CharSet.categories(Character.OTHER_LETTER)),
          Map.entry("Mn", CharSet.categories(Character.NON_SPACING_MARK)),
          Map.entry("Mc", CharSet.categories(Character.COMBINING_SPACING_MARK)),
          Map.entry("Me", CharSet.categories(Character.ENCLOSING_MARK)),
          Map.entry("Nd", CharSet.DIGIT),
          Map.entry("Nl", CharSet.categories(Character.LETTER_NUMBER)),
          Map.entry("No", CharSet.categories(Character.OTHER_NUMBER)),
          Map.entry("Pc", CharSet.categories(Character.CONNECTOR_PUNCTUATION)),
          Map.entry("Pd", CharSet.categories(Character.DASH_PUNCTUATION)),
          Map.entry("Ps", CharSet.categories(Character.START_PUNCTUATION)),
          Map.entry("Pe", CharSet.categories(Character.END_PUNCTUATION)),
          Map.entry("Pi", CharSet.categories(Character.INITIAL_QUOTE_PUNCTUATION)),
          Map.entry("Pf", CharSet.categories(Character.FINAL_QUOTE_PUNCTUATION)),
          Map.entry("Po", CharSet.categories(Character.OTHER_PUNCTUATION)),
          Map.entry("Sm", CharSet.categories(Character.MATH_SYMBOL)),
          Map.entry("Sc", CharSet.categories(Character.CURRENCY_SYMBOL)),
          Map.entry("Sk", CharSet.categories(Character.MODIFIER_SYMBOL)),
          Map.entry("So", CharSet.categories(Character.OTHER_SYMBOL)),
          Map.entry("Zs", CharSet.categories(Character.SPACE_SEPARATOR)),
          Map.entry("Zl", CharSet.categories(Character.LINE_SEPARATOR)),
          Map.entry("Zp", CharSet.categories(Character.PARAGRAPH_SEPARATOR)),
          Map.entry("Cc", CharSet.categories(Character.CONTROL)),
          Map.entry("Cf", CharSet.categories(Character.FORMAT)));

  /** The scripts used so far; finding one enumerates all code points. */
  private static final Map<Character.UnicodeScript, CharSet> SCRIPTS = new ConcurrentHashMap<>();

  private CharProperties() {}

  /** Returns the set with a name, if it exists. */
  static Optional<CharSet> find(String name) {
    CharSet category = CATEGORIES.get(name);
    if (category != null || name.length() <= 2) {
      return Optional.ofNullable(category);
    }
    try {
      Character.UnicodeScript script = Character.UnicodeScript.forName(name);
      return Optional.of(SCRIPTS.computeIfAbsent(script, CharProperties::script));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static CharSet script(Character.UnicodeScript script) {
    List<Integer> ranges = new ArrayList<>();
    boolean in = false;
    for (int c = 0; c <= Character.MAX_CODE_POINT + 1; c++) {
      boolean now = c <= Character.MAX_CODE_POINT && Character.UnicodeScript.of(c) == script;
      if (now != in) {
        ranges.add(now ? c : c - 1);
      }
      in = now;
    }
    return new CharSet(ranges, 0, List.of(), false);
  }
}
