package dev.vidrio.fuzz;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Compiles a regular expression. Where the syntax means the same to {@code java.util.regex}, both
 * agree on a random text of the grammar and on variations of it.
 */
public final class RegexHarness {
  /** Characters with the same meaning in ECMA-262 and Java outside of classes. */
  private static final Pattern COMMON = Pattern.compile("[a-z0-9 ,;:_|()*+?-]{1,40}");

  /** Groups of other kinds, and quantifiers that only Java has. */
  private static final Pattern OTHER = Pattern.compile("\\(\\?|[*+?]\\+");

  private static final int MAX_WORK = 200_000;

  /** Thrown if Java's matcher backtracks for too long. */
  private static final class TooSlow extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** A text that can be read a limited number of times. */
  private static final class Metered implements CharSequence {
    private final String text;
    private int work;

    private Metered(String text) {
      this.text = text;
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (++work > MAX_WORK) {
        throw new TooSlow();
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.subSequence(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  private RegexHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    String regex = Fixtures.text(data);
    try {
      Grammar grammar = Grammar.regex(regex);
      Optional<String> text = GrammarWalk.text(grammar, data, 20);
      if (text.isPresent() && COMMON.matcher(regex).matches() && !OTHER.matcher(regex).find()) {
        compare(grammar, regex, text.get());
      }
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e);
    } catch (TooSlow e) {
      // not comparable
    }
  }

  private static void compare(Grammar grammar, String regex, String text) {
    Pattern pattern;
    try {
      pattern = Pattern.compile(regex);
    } catch (PatternSyntaxException e) {
      throw new AssertionError("accepted, but not by Java: " + regex, e);
    }
    int half = text.length() / 2;
    for (String each :
        List.of(text, text + "a", text.substring(half), text.substring(0, half) + "b", "")) {
      Oracle.require(
          grammar.matches(each) == pattern.matcher(new Metered(each)).matches(),
          "/" + regex + "/ and '" + each + "'");
    }
  }

  /** Returns expressions with each operator. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        "(ab|c)*d+e?",
        "a(b|)c{2,3}",
        "[a-c0-9_]{1,4}-[^\\d\\s]",
        "\\p{Lu}\\p{Script=Greek}?\\u{1F600}|\\x41\\n",
        "^(?:x|y+?)(?<name>z*)$",
        ".{0,3}\\.\\w\\W\\b",
        "(a|b)(c|d)*(e|f|g)+ ,;:");
  }
}
