package dev.vidrio.lens.dataset;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Greater-than (Hanna et al. 2023, arXiv 2305.00586): {@code The war lasted from the year 1732 to
 * the year 17} is to be continued by a year above 32. The corrupted text begins in the year 01.
 *
 * <p>With a vocabulary that has the numbers 00 to 99 as tokens, answers are 33 to 99, and wrong
 * answers 00 to 32, as in the paper. With one that divides numbers into digits, the next token is
 * the tens digit: answers are the digits above 3, wrong ones those below 3, and 3 is neither, since
 * its units digit decides. Other vocabularies are refused.
 */
final class GreaterThanPairs implements Dataset.Generator {
  private static final List<Integer> CENTURIES = List.of(11, 12, 13, 14, 15, 16, 17, 18);

  private final Draw draw;
  private final String template;
  private final List<String> nouns;
  private final boolean digits;

  GreaterThanPairs(Draw draw) {
    this.draw = draw;
    var words = new WordLists("greater-than.txt");
    this.template = words.lines("templates").getFirst();
    this.nouns = draw.oneToken(words.words("nouns"), "nouns", 1);
    boolean whole = CENTURIES.stream().allMatch(century -> isDivided(century, 2));
    this.digits = !whole && CENTURIES.stream().allMatch(century -> isDivided(century, 1));
    if (!whole && !digits) {
      int[] year = draw.after(" 1732");
      List<String> pieces =
          Arrays.stream(year).mapToObj(id -> "\"" + draw.tokenizer().decode(id) + "\"").toList();
      throw draw.refused(
          "needs years of two-digit or one-digit tokens, but 1732 is " + String.join(" ", pieces));
    }
  }

  /** Returns whether years of a century end with tokens of a number of digits. */
  private boolean isDivided(int century, int length) {
    int[] begin = draw.after(" " + century);
    return begin.length > 0
        && IntStream.range(0, 100)
            .allMatch(
                year -> {
                  String two = twoDigits(year);
                  int[] all = draw.after(" " + century + two);
                  int[] one = draw.after(" " + century + two.substring(0, length));
                  return one.length == begin.length + 1
                      && all.length == begin.length + 2 / length
                      && Arrays.equals(begin, 0, begin.length, all, 0, begin.length)
                      && Arrays.equals(one, 0, one.length, all, 0, one.length);
                });
  }

  private static String twoDigits(int year) {
    return (year < 10 ? "0" : "") + year;
  }

  @Override
  public PairText next() {
    int century = draw.one(CENTURIES);
    int year = digits ? draw.between(10, 89) : draw.between(2, 98);
    String noun = draw.one(nouns);
    int from = digits ? year / 10 : year;
    IntStream above = IntStream.rangeClosed(from + 1, digits ? 9 : 99);
    IntStream below = IntStream.rangeClosed(0, digits ? from - 1 : from);
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("noun", noun);
    properties.put("century", Integer.toString(century));
    properties.put("year", twoDigits(year));
    properties.put("decade", Integer.toString(year / 10));
    return new PairText(
        text(noun, century, year),
        text(noun, century, 1),
        numbers(above),
        numbers(below),
        properties);
  }

  private String text(String noun, int century, int year) {
    return template
        .replace("[NOUN]", noun)
        .replace("[FROM]", century + twoDigits(year))
        .replace("[CENTURY]", Integer.toString(century));
  }

  private List<String> numbers(IntStream numbers) {
    return numbers.mapToObj(n -> digits ? Integer.toString(n) : twoDigits(n)).toList();
  }
}
