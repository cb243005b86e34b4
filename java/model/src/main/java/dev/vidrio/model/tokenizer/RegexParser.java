package dev.vidrio.model.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Parses the regular expressions of pre-tokenizers, as Oniguruma reads them: literals, classes,
 * categories, groups, greedy repetition, {@code (?i:…)}, and looking ahead by one character.
 */
final class RegexParser {

  private static final int MAX_COUNT = 1000;
  private static final int MAX_DEPTH = 50;

  private static final Map<String, CharSet> CATEGORIES =
      Map.ofEntries(
          Map.entry("L", CharSet.LETTER),
          Map.entry("M", CharSet.MARK),
          Map.entry("N", CharSet.NUMBER),
          Map.entry("P", CharSet.PUNCTUATION),
          Map.entry("S", CharSet.SYMBOL),
          Map.entry("Lu", CharSet.categories(Character.UPPERCASE_LETTER)),
          Map.entry("Ll", CharSet.categories(Character.LOWERCASE_LETTER)),
          Map.entry("Lt", CharSet.categories(Character.TITLECASE_LETTER)),
          Map.entry("Lm", CharSet.categories(Character.MODIFIER_LETTER)),
          Map.entry("Lo", CharSet.categories(Character.OTHER_LETTER)),
          Map.entry("Mn", CharSet.categories(Character.NON_SPACING_MARK)),
          Map.entry("Nd", CharSet.DIGIT));

  private final String pattern;
  private int pos;
  private boolean ignoreCase;

  private RegexParser(String pattern) {
    this.pattern = pattern;
  }

  /**
   * Parses an expression.
   *
   * @throws IllegalArgumentException if it is malformed or has what is not supported
   */
  static Regex parse(String pattern) {
    RegexParser parser = new RegexParser(pattern);
    Regex regex = parser.choice(0);
    if (parser.pos < pattern.length()) {
      throw parser.unsupported("a ')' too many");
    }
    return regex;
  }

  private IllegalArgumentException unsupported(String what) {
    return new IllegalArgumentException("has " + what + " at character " + pos);
  }

  private boolean at(String text) {
    return pattern.startsWith(text, pos);
  }

  private boolean skip(String text) {
    boolean found = at(text);
    if (found) {
      pos += text.length();
    }
    return found;
  }

  private void expect(String text) {
    if (!skip(text)) {
      throw unsupported("no '" + text + "'");
    }
  }

  private int next() {
    if (pos == pattern.length()) {
      throw unsupported("an unexpected end");
    }
    int codePoint = pattern.codePointAt(pos);
    pos += Character.charCount(codePoint);
    return codePoint;
  }

  private Regex choice(int depth) {
    if (depth > MAX_DEPTH) {
      throw unsupported("more than " + MAX_DEPTH + " nested groups");
    }
    List<Regex> parts = new ArrayList<>();
    do {
      parts.add(sequence(depth));
    } while (skip("|"));
    return parts.size() == 1 ? parts.getFirst() : new Regex.Choice(parts);
  }

  private Regex sequence(int depth) {
    List<Regex> parts = new ArrayList<>();
    while (pos < pattern.length() && !at("|") && !at(")")) {
      parts.add(repeated(atom(depth)));
    }
    return parts.size() == 1 ? parts.getFirst() : new Regex.Sequence(parts);
  }

  private Regex repeated(Regex atom) {
    int min;
    int max;
    if (skip("*")) {
      min = 0;
      max = -1;
    } else if (skip("+")) {
      min = 1;
      max = -1;
    } else if (skip("?")) {
      min = 0;
      max = 1;
    } else if (skip("{")) {
      min = count();
      max = !skip(",") ? min : at("}") ? -1 : count();
      expect("}");
    } else {
      return atom;
    }
    if (at("?") || at("+") || at("*") || at("{")) {
      throw unsupported("a lazy, possessive or doubled repetition");
    }
    return new Regex.Repeat(atom, min, max);
  }

  private int count() {
    int count = 0;
    int start = pos;
    while (pos < pattern.length() && Character.isDigit(pattern.charAt(pos))) {
      count = count * 10 + Character.digit(pattern.charAt(pos++), 10);
      if (count > MAX_COUNT) {
        throw unsupported("a count above " + MAX_COUNT);
      }
    }
    if (pos == start) {
      throw unsupported("no count");
    }
    return count;
  }

  private Regex atom(int depth) {
    if (skip("(?i:")) {
      boolean before = ignoreCase;
      ignoreCase = true;
      Regex group = group(depth);
      ignoreCase = before;
      return group;
    }
    if (skip("(?=")) {
      return new Regex.Ahead(aheadSet(depth), false);
    }
    if (skip("(?!")) {
      return new Regex.Ahead(aheadSet(depth).complement(), true);
    }
    if (skip("(?:") || (at("(") && !at("(?") && skip("("))) {
      return group(depth);
    }
    if (at("(") || at("^") || at("*") || at("+") || at("?") || at("{")) {
      throw unsupported("'" + pattern.substring(pos, Math.min(pos + 3, pattern.length())) + "'");
    }
    if (skip("$")) {
      return new Regex.Ahead(CharSet.range('\n', '\n'), true);
    }
    if (skip(".")) {
      return new Regex.One(CharSet.DOT);
    }
    return new Regex.One(at("[") ? set() : single());
  }

  private Regex group(int depth) {
    Regex group = choice(depth + 1);
    expect(")");
    return group;
  }

  private CharSet aheadSet(int depth) {
    if (group(depth) instanceof Regex.One(CharSet set)) {
      return set;
    }
    throw unsupported("a look ahead at more than one character");
  }

  private CharSet set() {
    expect("[");
    boolean negated = skip("^");
    List<CharSet> parts = new ArrayList<>();
    do {
      if (at("[") || at("&&")) {
        throw unsupported("a class within a class");
      }
      boolean simple = !at("\\") || isLiteralEscape();
      int start = pos;
      CharSet part = single();
      if (simple && at("-") && !at("-]")) {
        pos = start;
        int first = literal();
        expect("-");
        int last = literal();
        if (last < first) {
          throw unsupported("an empty range");
        }
        part = CharSet.range(first, last);
      }
      parts.add(part);
    } while (!skip("]"));
    CharSet union = CharSet.union(parts.toArray(CharSet[]::new));
    return negated ? union.complement() : union;
  }

  private boolean isLiteralEscape() {
    return pos + 1 < pattern.length() && "sSdDpP".indexOf(pattern.charAt(pos + 1)) < 0;
  }

  private CharSet single() {
    if (at("\\") && !isLiteralEscape()) {
      pos++;
      return switch (next()) {
        case 's' -> CharSet.SPACE;
        case 'S' -> CharSet.SPACE.complement();
        case 'd' -> CharSet.DIGIT;
        case 'D' -> CharSet.DIGIT.complement();
        case 'p' -> category();
        default -> category().complement();
      };
    }
    int c = literal();
    return ignoreCase ? anyCase(c) : CharSet.range(c, c);
  }

  private CharSet category() {
    expect("{");
    int end = pattern.indexOf('}', pos);
    String name = end < 0 ? "" : pattern.substring(pos, end);
    CharSet category = CATEGORIES.get(name);
    if (category == null) {
      throw unsupported("the unknown category '" + name + "'");
    }
    pos = end + 1;
    return category;
  }

  private int literal() {
    int c = next();
    if (c != '\\') {
      return c;
    }
    int escaped = next();
    return switch (escaped) {
      case 'r' -> '\r';
      case 'n' -> '\n';
      case 't' -> '\t';
      default -> {
        if (Character.isLetterOrDigit(escaped)) {
          throw unsupported("the unknown escape '\\" + Character.toString(escaped) + "'");
        }
        yield escaped;
      }
    };
  }

  /** Returns the code points that are equal but for case: also U+017F for s and U+212A for k. */
  private static CharSet anyCase(int c) {
    int lower = Character.toLowerCase(c);
    int upper = Character.toUpperCase(c);
    CharSet both = CharSet.union(CharSet.range(lower, lower), CharSet.range(upper, upper));
    return switch (lower) {
      case 's' -> CharSet.union(both, CharSet.range(0x17F, 0x17F));
      case 'k' -> CharSet.union(both, CharSet.range(0x212A, 0x212A));
      default -> both;
    };
  }
}
