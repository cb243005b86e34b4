package dev.vidrio.model.grammar.expression;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The sets that expressions name as {@code \p{…}}, by the names of {@link Pattern}. */
final class CharacterProperties {

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_=]{1,40}");

  /** Names are case-insensitive, so that one may be written in very many ways. */
  private static final int MAX_KNOWN = 256;

  /** To find one takes a look at every code point. */
  private static final Map<String, CodePoints> KNOWN = new ConcurrentHashMap<>();

  private CharacterProperties() {}

  /** Finds the set of a name, if there is one. */
  static Optional<CodePoints> find(String name) {
    CodePoints known = KNOWN.get(name);
    if (known != null || !NAME.matcher(name).matches()) {
      return Optional.ofNullable(known);
    }
    try {
      CodePoints found = search(Pattern.compile("\\p{" + name + "}+"));
      if (KNOWN.size() < MAX_KNOWN) {
        KNOWN.put(name, found);
      }
      return Optional.of(found);
    } catch (PatternSyntaxException e) {
      return Optional.empty();
    }
  }

  private static CodePoints search(Pattern runs) {
    StringBuilder all = new StringBuilder();
    for (CodePoints.Range range : CodePoints.ALL.ranges()) {
      for (int c = range.first(); c <= range.last(); c++) {
        all.appendCodePoint(c);
      }
    }
    List<CodePoints> found = new ArrayList<>();
    for (Matcher run = runs.matcher(all); run.find(); ) {
      found.add(CodePoints.range(all.codePointAt(run.start()), all.codePointBefore(run.end())));
    }
    return CodePoints.union(found);
  }
}
