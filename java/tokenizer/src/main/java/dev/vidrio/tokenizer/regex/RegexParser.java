package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Cursor;
import java.util.ArrayList;
import java.util.List;

/**
 * Parses the regular expressions of pre-tokenizers in Oniguruma's syntax: literals, classes,
 * categories and scripts, groups, greedy repetition, {@code (?i:…)}, and lookahead by one
 * character.
 */
final class RegexParser {

  private static final int MAX_COUNT = 1000;

  private final Cursor in;
  private boolean ignoreCase;

  private RegexParser(String pattern) {
    in = new Cursor(pattern, MAX_COUNT, IllegalArgumentException::new);
  }

  /**
   * Parses an expression.
   *
   * @throws IllegalArgumentException if it is malformed or not supported
   */
  static Regex parse(String pattern) {
    RegexParser parser = new RegexParser(pattern);
    Regex regex = parser.choice();
    if (!parser.in.isAtEnd()) {
      throw parser.in.error("an unmatched ')'");
    }
    return regex;
  }

  private Regex choice() {
    List<Regex> parts = new ArrayList<>();
    do {
      parts.add(sequence());
    } while (in.skip("|"));
    return parts.size() == 1 ? parts.getFirst() : new Regex.Choice(parts);
  }

  private Regex sequence() {
    List<Regex> parts = new ArrayList<>();
    while (!in.isAtEnd() && !in.atAnyOf("|)")) {
      parts.add(repeated(atom()));
    }
    return parts.size() == 1 ? parts.getFirst() : new Regex.Sequence(parts);
  }

  private Regex repeated(Regex atom) {
    return in.repetition(() -> {})
        .<Regex>map(
            times -> {
              if (in.atAnyOf("?+*{")) {
                throw in.error("a lazy, possessive or doubled repetition");
              }
              return new Regex.Repeat(atom, times.min(), times.max());
            })
        .orElse(atom);
  }

  private Regex atom() {
    if (in.skip("(?i:")) {
      boolean before = ignoreCase;
      ignoreCase = true;
      Regex group = group();
      ignoreCase = before;
      return group;
    }
    if (in.skip("(?=")) {
      return ahead(group());
    }
    if (in.skip("(?!")) {
      Regex.Lookahead not = ahead(group());
      return new Regex.Lookahead(not.set().complement(), !not.orEnd());
    }
    if (in.skip("(?:") || (!in.at("(?") && in.skip("("))) {
      return group();
    }
    if (in.atAnyOf("(^*+?{")) {
      throw in.error("'" + in.peek(3) + "'");
    }
    if (in.skip("$")) {
      return new Regex.Lookahead(CharSet.range('\n', '\n'), true);
    }
    if (in.skip(".")) {
      return new Regex.OneOf(CharSet.DOT);
    }
    return new Regex.OneOf(in.at("[") ? set() : atClassEscape() ? classEscape() : one(literal()));
  }

  private Regex group() {
    in.enter();
    Regex group = choice();
    in.leave();
    in.expect(")");
    return group;
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
      default -> throw in.error("a lookahead of more than one character");
    };
  }

  /** Parses a character class, an intersection if it contains {@code &&}. */
  private CharSet set() {
    in.enter();
    in.expect("[");
    boolean negated = in.skip("^");
    CharSet set = union();
    while (in.skip("&&")) {
      set = CharSet.union(set.complement(), union().complement()).complement();
    }
    in.expect("]");
    in.leave();
    return negated ? set.complement() : set;
  }

  private CharSet union() {
    List<CharSet> parts = new ArrayList<>();
    do {
      if (in.at("[:")) {
        throw in.error("a POSIX class");
      }
      parts.add(in.at("[") ? set() : atClassEscape() ? classEscape() : range());
    } while (!in.at("]") && !in.at("&&"));
    return CharSet.union(parts.toArray(CharSet[]::new));
  }

  private CharSet range() {
    int first = literal();
    if (!in.at("-") || in.at("-]") || in.at("-&&")) {
      return one(first);
    }
    in.expect("-");
    int last = literal();
    in.checkRange(first, last);
    return CharSet.range(first, last);
  }

  private boolean atClassEscape() {
    return in.at("\\") && "\\s\\S\\d\\D\\w\\W\\p\\P".contains(in.peek(2));
  }

  private CharSet classEscape() {
    in.expect("\\");
    int name = in.next();
    CharSet set =
        switch (Character.toLowerCase(name)) {
          case 's' -> CharSet.SPACE;
          case 'd' -> CharSet.DIGIT;
          case 'w' -> CharSet.ONIGURUMA_WORD;
          default -> property();
        };
    return Character.isUpperCase(name) ? set.complement() : set;
  }

  private CharSet property() {
    in.expect("{");
    String name = in.until('}');
    return CharProperties.find(name)
        .orElseThrow(() -> in.error("the unknown property '" + name + "'"));
  }

  private int literal() {
    int c = in.next();
    if (c != '\\') {
      return c;
    }
    int escaped = in.next();
    return switch (escaped) {
      case 'r' -> '\r';
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'u' -> in.hexadecimal(4);
      default -> {
        if (Character.isLetterOrDigit(escaped)) {
          throw in.error("the unknown escape '\\" + Character.toString(escaped) + "'");
        }
        yield escaped;
      }
    };
  }

  /** Returns the set of a character; ignoring case, including U+017F for s and U+212A for k. */
  private CharSet one(int c) {
    if (!ignoreCase) {
      return CharSet.range(c, c);
    }
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
