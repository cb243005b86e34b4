package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The code point sets of {@code \p{…}}: general categories and scripts. */
final class CharProperties {

  /** The supported categories; not C, Cn, Co and Cs. */
  private static final Pattern CATEGORY =
      Pattern.compile("L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf]");

  /** The scripts used so far; finding one enumerates all code points. */
  private static final Map<Character.UnicodeScript, CharSet> SCRIPTS = new ConcurrentHashMap<>();

  private CharProperties() {}

  /** Returns the set with a name, if it exists. */
  static Optional<CharSet> find(String name) {
    if (CATEGORY.matcher(name).matches()) {
      return Optional.of(CharSet.category(name));
    }
    if (name.length() <= 2) {
      return Optional.empty();
    }
    try {
      Character.UnicodeScript script = Character.UnicodeScript.forName(name);
      return Optional.of(SCRIPTS.computeIfAbsent(script, CharProperties::script));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static CharSet script(Character.UnicodeScript script) {
    IntPredicate isIn =
        c -> Character.isValidCodePoint(c) && Character.UnicodeScript.of(c) == script;
    int[] changes =
        IntStream.rangeClosed(0, Character.MAX_CODE_POINT + 1)
            .filter(c -> isIn.test(c) != isIn.test(c - 1))
            .toArray();
    // A change into the script is the first code point of a range, the next one is after its last.
    List<Integer> ranges =
        IntStream.range(0, changes.length).mapToObj(i -> changes[i] - i % 2).toList();
    return new CharSet(ranges, 0, List.of(), false);
  }
}
