package dev.vidrio.template.syntax;

import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Strings;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Splits a template into tokens, with the white space rules of Jinja's {@code trim_blocks} and
 * {@code lstrip_blocks}: a line break after a tag or comment is removed, and so is the blank start
 * of its line; {@code -} at the edge of a tag strips all white space there, {@code +} keeps it.
 */
final class Lexer {

  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final TemplateErrors errors;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;

  private Lexer(String source, TemplateErrors errors) {
    this.source = source;
    this.errors = errors;
  }

  /** Returns the tokens, of which the last has kind {@code END}. */
  static List<Token> tokenize(String template, TemplateErrors errors) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source, errors);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (position < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        data(source.substring(position));
        advance(source.length());
      } else {
        tag(tag);
      }
    }
    add(Token.Kind.END, "");
  }

  private int nextTag() {
    for (int i = source.indexOf('{', position); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private void tag(int start) {
    char type = source.charAt(start + 1);
    int inside = start + 2;
    char sign = inside < source.length() ? source.charAt(inside) : ' ';
    if (sign == '-' || sign == '+') {
      inside++;
    }
    data(stripBeforeTag(start, sign, type == '{'));
    advance(start);
    int raw = type == '%' ? rawTagEnd(inside, "raw", false) : -1;
    if (raw >= 0) {
      advance(raw);
      rawBlock();
    } else if (type == '#') {
      comment(inside);
    } else {
      boolean print = type == '{';
      add(print ? Token.Kind.PRINT_BEGIN : Token.Kind.TAG_BEGIN, "");
      advance(inside);
      code(print);
    }
  }

  /** Returns the text before a tag, without the white space that the tag strips. */
  private String stripBeforeTag(int tag, char sign, boolean print) {
    int end = tag;
    if (sign == '-') {
      while (end > position && Strings.isSpace(source.charAt(end - 1))) {
        end--;
      }
    } else if (sign != '+' && !print) {
      int lineStart = end;
      while (lineStart > position
          && source.charAt(lineStart - 1) != '\n'
          && Strings.isSpace(source.charAt(lineStart - 1))) {
        lineStart--;
      }
      if (lineStart == 0 || source.charAt(lineStart - 1) == '\n') {
        end = lineStart;
      }
    }
    return source.substring(position, end);
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text);
    }
  }

  /**
   * Returns the end of a {@code raw} or {@code endraw} tag whose name begins at an index, or −1.
   */
  private int rawTagEnd(int index, String name, boolean trim) {
    int at = skipSpace(index);
    if (!source.startsWith(name, at)) {
      return -1;
    }
    at = skipSpace(at + name.length());
    if (source.startsWith("-%}", at)) {
      return skipSpace(at + 3);
    }
    if (trim && source.startsWith("+%}", at)) {
      return at + 3;
    }
    if (!source.startsWith("%}", at)) {
      return -1;
    }
    return trim ? skipLineBreak(at + 2) : at + 2;
  }

  private void rawBlock() {
    for (int i = source.indexOf("{%", position); i >= 0; i = source.indexOf("{%", i + 2)) {
      char sign = i + 2 < source.length() ? source.charAt(i + 2) : ' ';
      int end = rawTagEnd(sign == '-' || sign == '+' ? i + 3 : i + 2, "endraw", true);
      if (end >= 0) {
        data(stripBeforeTag(i, sign, false));
        advance(end);
        return;
      }
    }
    throw errors.syntax(line, "'raw' without 'endraw'");
  }

  private void comment(int inside) {
    int end = source.indexOf("#}", inside);
    if (end < 0) {
      throw errors.syntax(line, "unterminated comment");
    }
    char sign = end > inside ? source.charAt(end - 1) : ' ';
    int after = end + 2;
    if (sign == '-') {
      after = skipSpace(after);
    } else if (sign != '+') {
      after = skipLineBreak(after);
    }
    advance(after);
  }

  /** Reads the tokens of a print or a tag up to its end. */
  private void code(boolean print) {
    Deque<Character> open = new ArrayDeque<>();
    while (position < source.length()) {
      if (open.isEmpty() && codeEnd(print)) {
        return;
      }
      char c = source.charAt(position);
      if (Strings.isSpace(c)) {
        advance(position + 1);
      } else if (isDigit(c)) {
        number();
      } else if (isWord(source.codePointAt(position))) {
        name();
      } else if (c == '\'' || c == '"') {
        string(c);
      } else {
        operator(open);
      }
    }
  }

  private boolean codeEnd(boolean print) {
    String end = print ? "}}" : "%}";
    Token.Kind kind = print ? Token.Kind.PRINT_END : Token.Kind.TAG_END;
    int after;
    if (source.startsWith("-" + end, position)) {
      after = skipSpace(position + 3);
    } else if (source.startsWith(end, position)) {
      after = print ? position + 2 : skipLineBreak(position + 2);
    } else if (!print && source.startsWith("+%}", position)) {
      after = position + 3;
    } else {
      return false;
    }
    add(kind, "");
    advance(after);
    return true;
  }

  /**
   * Reads an integer of base 2, 8, 10 or 16, or a float, with single underscores between digits.
   */
  private void number() {
    int start = position;
    int end;
    Token.Kind kind = Token.Kind.INTEGER;
    if (source.charAt(start) == '0'
        && start + 1 < source.length()
        && "bBoOxX".indexOf(source.charAt(start + 1)) >= 0) {
      int radix = Numbers.radix(source.charAt(start + 1));
      end = start + 2;
      while (end < source.length()
          && (Character.digit(source.charAt(end), radix) >= 0 || source.charAt(end) == '_')) {
        end++;
      }
    } else {
      end = skipDigits(start);
      boolean afterDot = start > 0 && source.charAt(start - 1) == '.';
      int fraction = end < source.length() && source.charAt(end) == '.' ? skipDigits(end + 1) : end;
      if (!afterDot && fraction > end + 1) {
        kind = Token.Kind.FLOAT;
        end = fraction;
      }
      int exponent = exponentEnd(end);
      if (!afterDot && exponent > end) {
        kind = Token.Kind.FLOAT;
        end = exponent;
      }
    }
    String digits = source.substring(start, end).replace("_", "");
    if (kind == Token.Kind.INTEGER && digits.matches("0+[1-9].*")) {
      throw errors.syntax(line, "an integer must not begin with 0: '" + digits + "'");
    }
    add(kind, digits);
    advance(end);
  }

  private int exponentEnd(int index) {
    if (index >= source.length() || (source.charAt(index) | 0x20) != 'e') {
      return index;
    }
    int digits = index + 1;
    if (digits < source.length() && "+-".indexOf(source.charAt(digits)) >= 0) {
      digits++;
    }
    int end = skipDigits(digits);
    return end > digits ? end : index;
  }

  private int skipDigits(int index) {
    int i = index;
    while (i < source.length()
        && (isDigit(source.charAt(i))
            || (source.charAt(i) == '_'
                && i > index
                && i + 1 < source.length()
                && isDigit(source.charAt(i + 1))))) {
      i++;
    }
    return i;
  }

  private void name() {
    int end = position;
    while (end < source.length() && isWord(source.codePointAt(end))) {
      end += Character.charCount(source.codePointAt(end));
    }
    add(Token.Kind.NAME, source.substring(position, end));
    advance(end);
  }

  private void string(char quote) {
    int end = position + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw errors.syntax(line, "unterminated string");
    }
    add(
        Token.Kind.STRING,
        StringLiteral.unescape(source.substring(position + 1, end), line, errors));
    advance(end + 1);
  }

  private void operator(Deque<Character> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, position)) {
        balance(open, operator.charAt(0));
        add(Token.Kind.OPERATOR, operator);
        advance(position + operator.length());
        return;
      }
    }
    throw errors.syntax(
        line, "unexpected character '" + Character.toString(source.codePointAt(position)) + "'");
  }

  private void balance(Deque<Character> open, char c) {
    switch (c) {
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '{' -> open.push('}');
      case ')', ']', '}' -> {
        if (open.isEmpty() || open.pop() != c) {
          throw errors.syntax(line, "unmatched '" + c + "'");
        }
      }
      default -> {}
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isWord(int codePoint) {
    return codePoint == '_' || Character.isLetterOrDigit(codePoint);
  }

  private int skipSpace(int index) {
    int i = index;
    while (i < source.length() && Strings.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  private int skipLineBreak(int index) {
    return index < source.length() && source.charAt(index) == '\n' ? index + 1 : index;
  }

  private void add(Token.Kind kind, String text) {
    tokens.add(new Token(kind, text, line));
  }

  private void advance(int newPosition) {
    for (; position < newPosition; position++) {
      if (source.charAt(position) == '\n') {
        line++;
      }
    }
  }
}
