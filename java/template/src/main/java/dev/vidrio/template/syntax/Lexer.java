package dev.vidrio.template.syntax;

import dev.vidrio.template.value.Strings;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Splits a template into tokens, with the white space rules of Jinja's {@code trim_blocks} and
 * {@code lstrip_blocks}: a line break after a tag or comment is removed, and so is the blank start
 * of its line; {@code -} at the edge of a tag strips all white space there, {@code +} keeps it.
 */
final class Lexer {

  private static final String SPACE = "[" + Strings.SPACE + "]*+";

  /** The beginning of a print, a tag or a comment. */
  private static final Pattern BEGIN = Pattern.compile("\\{([{%#])([-+]?)");

  private static final Pattern PRINT_END = Pattern.compile("-}}" + SPACE + "|}}");
  private static final Pattern TAG_END = Pattern.compile(end("%"));
  private static final Pattern COMMENT_END = Pattern.compile(end("#"));

  /** The rest of a {@code raw} tag after its beginning. */
  private static final Pattern RAW =
      Pattern.compile(SPACE + "raw" + SPACE + "(?:-%}" + SPACE + "|%})");

  private static final Pattern END_RAW =
      Pattern.compile("\\{%([-+]?)" + SPACE + "endraw" + SPACE + "(?:" + end("%") + ")");

  private static final String DIGITS = "[0-9](?:_?[0-9])*+";

  /**
   * The tokens of prints and tags other than strings, one group for each of {@link #KINDS}. A
   * number after a point is an index, not the beginning of a float.
   */
  private static final Pattern TOKEN =
      Pattern.compile(
          "((?![0-9])[\\w\\p{L}\\p{Nd}]++)"
              + "|((?<!\\.)D(?:(?:\\.D)?[eE][-+]?D|\\.D))".replace("D", DIGITS)
              + "|(0[bB][01_]*|0[oO][0-7_]*|0[xX][0-9a-fA-F_]*|"
              + DIGITS
              + ")"
              + "|(//|\\*\\*|[=!<>]=|[-+/*%~\\[\\](){}<>=.:|,;])");

  private static final List<Token.Kind> KINDS =
      List.of(Token.Kind.NAME, Token.Kind.FLOAT, Token.Kind.INTEGER, Token.Kind.OPERATOR);

  private static final Map<String, String> BRACKETS = Map.of("(", ")", "[", "]", "{", "}");

  private static final Pattern ESCAPE =
      Pattern.compile(
          "\\\\([0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", Pattern.DOTALL);

  private final String source;
  private final TemplateErrors errors;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;

  private Lexer(String source, TemplateErrors errors) {
    this.source = source;
    this.errors = errors;
  }

  /** Returns a pattern of the end of a tag or comment, and of the white space removed after it. */
  private static String end(String mark) {
    return "-" + mark + "}" + SPACE + "|\\+" + mark + "}|" + mark + "}\n?";
  }

  /** Returns the tokens. The last one has the kind {@code END}. */
  static List<Token> tokenize(String template, TemplateErrors errors) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(source.replaceFirst("\n\\z", ""), errors);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    Matcher begin = BEGIN.matcher(source);
    while (begin.find(position)) {
      boolean print = begin.group(1).equals("{");
      data(begin.start(), begin.group(2), print);
      Matcher raw = matcher(RAW, begin.end());
      if (begin.group(1).equals("#")) {
        advance(find(COMMENT_END, begin.end(), "unterminated comment").end());
      } else if (!print && raw.lookingAt()) {
        advance(raw.end());
        Matcher end = find(END_RAW, position, "'raw' without 'endraw'");
        data(end.start(), end.group(1), false);
        advance(end.end());
      } else {
        add(Token.Kind.OPERATOR, print ? "{{" : "{%");
        advance(begin.end());
        code(print);
      }
    }
    data(source.length(), "+", false);
    add(Token.Kind.END, "");
  }

  private Matcher matcher(Pattern pattern, int start) {
    return pattern.matcher(source).region(start, source.length()).useTransparentBounds(true);
  }

  private Matcher find(Pattern pattern, int start, String error) {
    Matcher matcher = matcher(pattern, start);
    if (!matcher.find()) {
      throw errors.syntax(line, error);
    }
    return matcher;
  }

  /** Adds the text up to a tag, without the white space that the tag strips. */
  private void data(int tag, String sign, boolean print) {
    String data = source.substring(position, tag);
    int lineStart = data.lastIndexOf('\n') + 1;
    boolean startsLine = lineStart > 0 || position == 0 || source.charAt(position - 1) == '\n';
    if (sign.equals("-")) {
      data = stripTrailing(data);
    } else if (sign.isEmpty()
        && !print
        && startsLine
        && stripTrailing(data.substring(lineStart)).isEmpty()) {
      data = data.substring(0, lineStart);
    }
    if (!data.isEmpty()) {
      add(Token.Kind.DATA, data);
    }
    advance(tag);
  }

  private static String stripTrailing(String data) {
    return Strings.strip(data, null, false, true);
  }

  /** Reads the tokens of a print or a tag up to its end. */
  private void code(boolean print) {
    Deque<String> open = new ArrayDeque<>();
    Matcher end = matcher(print ? PRINT_END : TAG_END, position);
    Matcher token = matcher(TOKEN, position);
    while (position < source.length()) {
      char c = source.charAt(position);
      if (open.isEmpty() && end.region(position, source.length()).lookingAt()) {
        add(Token.Kind.OPERATOR, print ? "}}" : "%}");
        advance(end.end());
        return;
      } else if (Strings.isSpace(c)) {
        advance(position + 1);
      } else if (c == '\'' || c == '"') {
        string(c);
      } else if (token.region(position, source.length()).lookingAt()) {
        token(token, open);
      } else {
        String found = Character.toString(source.codePointAt(position));
        throw errors.syntax(line, "unexpected character '" + found + "'");
      }
    }
  }

  private void token(Matcher matcher, Deque<String> open) {
    int group = 1;
    while (matcher.group(group) == null) {
      group++;
    }
    Token.Kind kind = KINDS.get(group - 1);
    String text = matcher.group();
    switch (kind) {
      case INTEGER, FLOAT -> text = text.replace("_", "");
      case OPERATOR -> balance(text, open);
      default -> {}
    }
    if (kind == Token.Kind.INTEGER && text.matches("0+[1-9].*")) {
      throw errors.syntax(line, "an integer must not begin with 0: '" + text + "'");
    }
    add(kind, text);
    advance(matcher.end());
  }

  private void balance(String operator, Deque<String> open) {
    if (BRACKETS.containsKey(operator)) {
      open.push(BRACKETS.get(operator));
    } else if (BRACKETS.containsValue(operator) && !operator.equals(open.poll())) {
      throw errors.syntax(line, "unmatched '" + operator + "'");
    }
  }

  private void string(char quote) {
    int end = position + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw errors.syntax(line, "unterminated string");
    }
    String text =
        ESCAPE
            .matcher(source.substring(position + 1, end))
            .replaceAll(escape -> Matcher.quoteReplacement(unescape(escape.group(1))));
    add(Token.Kind.STRING, text);
    advance(end + 1);
  }

  /** Returns the text of an escape in a string of Python. */
  private String unescape(String escape) {
    char letter = escape.charAt(0);
    return switch (letter) {
      case '\n' -> "";
      case '\\', '\'', '"' -> escape;
      case 'a' -> "\u0007";
      case 'b' -> "\b";
      case 'f' -> "\f";
      case 'n' -> "\n";
      case 'r' -> "\r";
      case 't' -> "\t";
      case 'v' -> "\u000b";
      case '0', '1', '2', '3', '4', '5', '6', '7' ->
          Character.toString(Integer.parseInt(escape, 8));
      case 'x', 'u', 'U' -> {
        if (escape.length() == 1) {
          throw errors.syntax(line, "incomplete string escape: \\" + letter);
        }
        long codePoint = Long.parseLong(escape.substring(1), 16);
        if (codePoint > Character.MAX_CODE_POINT) {
          throw errors.syntax(line, "invalid string escape: U+" + Long.toHexString(codePoint));
        }
        yield Character.toString((int) codePoint);
      }
      case 'N' -> throw errors.unsupported(line, "string escape '\\N'");
      default -> "\\" + escape;
    };
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
