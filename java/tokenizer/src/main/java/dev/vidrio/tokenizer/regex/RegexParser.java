package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Parses the regular expressions of pre-tokenizers in Oniguruma's syntax: literals, classes,
 * categories and scripts, groups, greedy repetition, {@code (?i:…)}, and lookahead by one
 * character.
 */
final class RegexParser {

  private static final int MAX_COUNT = 1000;
  private static final int MAX_DEPTH = 50;

  private final String pattern;
  private int pos;
  private boolean ignoreCase;

  private RegexParser(String pattern) {
    this.pattern = pattern;
  }

  /**
   * Parses an expression.
   *
   * @throws IllegalArgumentException if it is malformed or not supported
   */
  static Regex parse(String pattern) {
    RegexParser parser = new RegexParser(pattern);
    Regex regex = parser.choice(0);
    if (parser.pos < pattern.length()) {
      throw parser.unsupported("an unmatched ')'");
    }
    return regex;
  }

  /** Returns the expression that matches a literal text. */
  static Regex literal(String text) {
    return new Regex.Sequence(
        text.codePoints().<Regex>mapToObj(c -> new Regex.OneOf(CharSet.range(c, c))).toList());
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
      return ahead(depth);
    }
    if (skip("(?!")) {
      Regex.Lookahead not = ahead(depth);
      return new Regex.Lookahead(not.set().complement(), !not.orEnd());
    }
    if (skip("(?:") || (at("(") && !at("(?") && skip("("))) {
      return group(depth);
    }
    if (at("(") || at("^") || at("*") || at("+") || at("?") || at("{")) {
      throw unsupported("'" + pattern.substring(pos, Math.min(pos + 3, pattern.length())) + "'");
    }
    if (skip("$")) {
      return new Regex.Lookahead(CharSet.range('\n', '\n'), true);
    }
    if (skip(".")) {
      return new Regex.OneOf(CharSet.DOT);
    }
    return new Regex.OneOf(at("[") ? set(depth) : single());
  }

  private Regex group(int depth) {
    Regex group = choice(depth + 1);
    expect(")");
    return group;
  }

  private Regex.Lookahead ahead(int depth) {
    return ahead(group(depth));
  }

  private Regex.Lookahead ahead(Regex next) {
    return switch (next) {
      case Regex.OneOf(CharSet set) -> new Regex.Lookahead(set, false);
      case Regex.Lookahead ahead -> ahead;
      case Regex.Choice(List<Regex> parts) -> {
        List<Regex.Lookahead> each = parts.stream().map(this::ahead).toList();
        CharSet[] sets = each.stream().map(Regex.Lookahead::set).toArray(CharSet[]::new);
        yield new Regex.Lookahead(
            CharSet.union(sets), each.stream().anyMatch(Regex.Lookahead::orEnd));
      }
      default -> throw unsupported("a lookahead of more than one character");
    };
  }

  /** Parses a character class, an intersection if it contains {@code &&}. */
  private CharSet set(int depth) {
    if (depth > MAX_DEPTH) {
      throw unsupported("more than " + MAX_DEPTH + " nested groups");
    }
    expect("[");
    boolean negated = skip("^");
    CharSet set = union(depth);
    while (skip("&&")) {
      set = CharSet.union(set.complement(), union(depth).complement()).complement();
    }
    expect("]");
    return negated ? set.complement() : set;
  }

  private CharSet union(int depth) {
    List<CharSet> parts = new ArrayList<>();
    do {
      if (at("[:")) {
        throw unsupported("a POSIX class");
      }
      parts.add(at("[") ? set(depth + 1) : range());
    } while (!at("]") && !at("&&"));
    return CharSet.union(parts.toArray(CharSet[]::new));
  }

  private CharSet range() {
    boolean simple = !at("\\") || isLiteralEscape();
    int start = pos;
    CharSet one = single();
    if (!simple || !at("-") || at("-]") || at("-&&")) {
      return one;
    }
    pos = start;
    int first = literal();
    expect("-");
    int last = literal();
    if (last < first) {
      throw unsupported("an empty range");
    }
    return CharSet.range(first, last);
  }

  private boolean isLiteralEscape() {
    return pos + 1 < pattern.length() && "sSdDwWpP".indexOf(pattern.charAt(pos + 1)) < 0;
  }

  private CharSet single() {
    if (at("\\") && !isLiteralEscape()) {
      pos++;
      return switch (next()) {
        case 's' -> CharSet.SPACE;
        case 'S' -> CharSet.SPACE.complement();
        case 'd' -> CharSet.DIGIT;
        case 'D' -> CharSet.DIGIT.complement();
        case 'w' -> CharSet.ONIGURUMA_WORD;
        case 'W' -> CharSet.ONIGURUMA_WORD.complement();
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
    CharSet category =
        CharProperties.find(name)
            .orElseThrow(() -> unsupported("the unknown property '" + name + "'"));
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
      case 'u' -> hexadecimal();
      default -> {
        if (Character.isLetterOrDigit(escaped)) {
          throw unsupported("the unknown escape '\\" + Character.toString(escaped) + "'");
        }
        yield escaped;
      }
    };
  }

  private int hexadecimal() {
    int end = pos + 4;
    if (end > pattern.length()
        || !pattern.substring(pos, end).chars().allMatch(HexFormat::isHexDigit)) {
      throw unsupported("no four hexadecimal digits");
    }
    int codePoint = HexFormat.fromHexDigits(pattern, pos, end);
    pos = end;
    return codePoint;
  }

  /**
   * Returns the code points equal to another ignoring case, including U+017F for s and U+212A for
   * k.
   */
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
