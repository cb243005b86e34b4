package dev.vidrio.tokenizer.text;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * A set of code points, described by ranges and general categories, so that its members need not be
 * enumerated.
 *
 * @param ranges the first and last code point of each range, concatenated
 * @param categories a bit for each general category, as numbered by {@link Character#getType(int)}
 * @param parts sets of further members
 * @param negated if true, the members are all other code points
 */
public record CharSet(List<Integer> ranges, int categories, List<CharSet> parts, boolean negated) {

  /** The names of the general categories, indexed by {@link Character#getType(int)}. */
  private static final List<String> CATEGORIES =
      Arrays.stream(
              "Cn Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No Zs Zl Zp Cc Cf ? Co Cs Pd Ps Pe Pc Po Sm Sc Sk So Pi Pf"
                  .split(" "))
          .toList();

  /** General category L. */
  public static final CharSet LETTER = category("L");

  /** General category M. */
  public static final CharSet MARK = category("M");

  /** General category N. */
  public static final CharSet NUMBER = category("N");

  /** General category Nd. */
  public static final CharSet DIGIT = category("Nd");

  /** The property {@code White_Space}. */
  public static final CharSet SPACE = union(category("Z"), range('\t', '\r'), range(0x85, 0x85));

  private static final CharSet ASCII_PUNCTUATION =
      union(range('!', '/'), range(':', '@'), range('[', '`'), range('{', '~'));

  /** The punctuation of Hugging Face tokenizers. */
  public static final CharSet PUNCTUATION_OR_ASCII_SYMBOL = union(category("P"), ASCII_PUNCTUATION);

  /** The symbols of the property {@code Alphabetic}: circled and squared letters. */
  private static final CharSet ENCLOSED_LETTER =
      union(
          range(0x24B6, 0x24E9),
          range(0x1F130, 0x1F149),
          range(0x1F150, 0x1F169),
          range(0x1F170, 0x1F189));

  private static final CharSet WORD_CORE =
      union(LETTER, MARK, category("Nl"), DIGIT, category("Pc"), ENCLOSED_LETTER);

  /** Word characters (UTS #18, annex C, {@code \w}), including joiners. */
  public static final CharSet WORD = union(WORD_CORE, range(0x200C, 0x200D));

  /** Oniguruma's {@code \w}: without joiners, with the superscripts and fractions of Latin-1. */
  public static final CharSet ONIGURUMA_WORD =
      union(WORD_CORE, range(0xB2, 0xB3), range(0xB9, 0xB9), range(0xBC, 0xBE));

  /** Any code point except the line feed. */
  public static final CharSet DOT = range('\n', '\n').complement();

  /** Copies the lists. */
  public CharSet {
    ranges = List.copyOf(ranges);
    parts = List.copyOf(parts);
  }

  /** Returns the set of a general category, or of all categories of one letter. */
  public static CharSet category(String name) {
    int bits = 0;
    for (int type = 0; type < CATEGORIES.size(); type++) {
      bits |= CATEGORIES.get(type).startsWith(name) ? 1 << type : 0;
    }
    return new CharSet(List.of(), bits, List.of(), false);
  }

  /** Returns the set of the code points from {@code first} to {@code last}. */
  public static CharSet range(int first, int last) {
    return new CharSet(List.of(first, last), 0, List.of(), false);
  }

  /** Returns the union of sets. */
  public static CharSet union(CharSet... parts) {
    return new CharSet(List.of(), 0, List.of(parts), false);
  }

  /** Returns the set of all other code points. */
  public CharSet complement() {
    return new CharSet(ranges, categories, parts, !negated);
  }

  boolean contains(int codePoint) {
    return contains(codePoint, Character.getType(codePoint));
  }

  /** Returns whether the character at a position of UTF-8 text is in the set. */
  public boolean containsAt(byte[] text, int pos, int end) {
    return contains(Utf8.codePointAt(text, pos, end));
  }

  /** Returns whether a code point of a general category is in the set. */
  public boolean contains(int codePoint, int category) {
    boolean in = (categories >>> category & 1) != 0;
    for (int i = 0; i < ranges.size() && !in; i += 2) {
      in = codePoint >= ranges.get(i) && codePoint <= ranges.get(i + 1);
    }
    for (int i = 0; i < parts.size() && !in; i++) {
      in = parts.get(i).contains(codePoint, category);
    }
    return in != negated;
  }

  /** Adds the code points at which membership may change within a category. */
  public void addBoundaries(Set<Integer> boundaries) {
    for (int i = 0; i < ranges.size(); i += 2) {
      boundaries.add(ranges.get(i));
      boundaries.add(ranges.get(i + 1) + 1);
    }
    parts.forEach(part -> part.addBoundaries(boundaries));
  }
}
