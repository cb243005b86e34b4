package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Inputs that grow: an input in which one or two slices are repeated, {@code before first^n between
 * second^n after}. If slices open and close something, the repetitions nest.
 */
final class Family {
  private static final Pattern WORD = Pattern.compile("[A-Za-z0-9]+");
  private static final String OPENING = "([{<\"";
  private static final String CLOSING = ")]}>\"";
  private static final String SEPARATORS = ",;|\n >}.:\0";

  private final byte[] data;
  private final int[] first;
  private final int[] second;
  private final String word;

  /**
   * Creates a family.
   *
   * @param data the input
   * @param first begin and end of the first slice
   * @param second begin and end of the second slice, after the first; may be empty
   * @param word a word that is followed by the number of the repetition in all but the first, so
   *     that names differ; empty if the repetitions are equal
   */
  private Family(byte[] data, int[] first, int[] second, String word) {
    this.data = data;
    this.first = first;
    this.second = second;
    this.word = word;
  }

  /** Returns a family of an input, which is not empty. */
  static Family random(byte[] data, SplittableRandom random) {
    int[] first = slice(data, 0, random);
    int[] second = {first[1], first[1]};
    int kind = random.nextInt(4);
    if (kind == 0) { // nest: the second slice ends what the first begins
      int[] inner = first[1] - first[0] < 2 ? first : slice(data, first[0] + 1, random);
      int begin = Math.clamp(inner[0], first[0] + 1, first[1]);
      int end = Math.clamp(inner[1], begin, first[1]);
      second = new int[] {end, first[1]};
      first = new int[] {first[0], begin};
    } else if (kind == 1 && first[1] < data.length) {
      second = slice(data, first[1], random);
    }
    String word = random.nextInt(2) == 0 ? "" : word(data, first, random);
    return new Family(data, first, second, word);
  }

  private static int[] slice(byte[] data, int from, SplittableRandom random) {
    int begin = from + random.nextInt(data.length - from);
    return switch (random.nextInt(3)) {
      case 0 -> {
        int begun = find(data, begin, OPENING);
        yield new int[] {begun, end(data, begun)};
      }
      case 1 -> {
        int begun = find(data, begin, SEPARATORS);
        yield new int[] {begun, separated(data, begun)};
      }
      default -> {
        double length = Math.pow(data.length - begin, random.nextDouble());
        yield new int[] {begin, begin + Math.max(1, (int) length)};
      }
    };
  }

  /** Returns the next index of one of these characters, or the given index if there is none. */
  private static int find(byte[] data, int from, String characters) {
    for (int i = from; i < data.length; i++) {
      if (characters.indexOf(data[i]) >= 0) {
        return i;
      }
    }
    return from;
  }

  /** Returns the end of the bracket or quotation that begins at an index. */
  private static int end(byte[] data, int begin) {
    int kind = OPENING.indexOf(data[begin]);
    int depth = 0;
    for (int i = begin; i < data.length && kind >= 0; i++) {
      if (i > begin && data[i] == CLOSING.charAt(kind)) {
        if (--depth <= 0) {
          return i + 1;
        }
      } else if (data[i] == OPENING.charAt(kind)) {
        depth++;
      }
    }
    return begin + 1;
  }

  /** Returns the index of the separator's next occurrence outside of brackets. */
  private static int separated(byte[] data, int begin) {
    int depth = 0;
    for (int i = begin + 1; i < data.length; i++) {
      if (depth <= 0 && data[i] == data[begin]) {
        return i;
      }
      depth += "([{".indexOf(data[i]) >= 0 ? 1 : ")]}".indexOf(data[i]) >= 0 ? -1 : 0;
      if (depth < 0) {
        return i;
      }
    }
    return data.length;
  }

  private static String word(byte[] data, int[] slice, SplittableRandom random) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(new String(data, slice[0], slice[1] - slice[0], ISO_8859_1));
    while (matcher.find()) {
      words.add(matcher.group());
    }
    return words.isEmpty() ? "" : words.get(random.nextInt(words.size()));
  }

  /** Returns the number of repetitions for an input of about this size. */
  int repetitions(int size) {
    int repeated = first[1] - first[0] + second[1] - second[0];
    return Math.max(1, (size - data.length) / Math.max(1, repeated));
  }

  /** Returns the input with {@code n} repetitions. */
  byte[] input(int n) {
    var input = new ByteArrayOutputStream();
    input.write(data, 0, first[0]);
    repeat(input, first, n);
    input.write(data, first[1], second[0] - first[1]);
    repeat(input, second, n);
    input.write(data, second[1], data.length - second[1]);
    return input.toByteArray();
  }

  private void repeat(ByteArrayOutputStream input, int[] slice, int n) {
    byte[] bytes = Arrays.copyOfRange(data, slice[0], slice[1]);
    String text = new String(bytes, ISO_8859_1);
    boolean isNumbered = !word.isEmpty() && text.contains(word);
    for (int i = 0; i < n; i++) {
      input.writeBytes(
          i > 0 && isNumbered ? text.replace(word, word + i).getBytes(ISO_8859_1) : bytes);
    }
  }

  /** Returns the repeated slices as text, with escapes. */
  @Override
  public String toString() {
    return "%s × n%s%s%s"
        .formatted(
            escaped(first[0], first[1]),
            second[0] == first[1] ? "" : " " + escaped(first[1], second[0]),
            second[1] == second[0] ? "" : " " + escaped(second[0], second[1]) + " × n",
            word.isEmpty() ? "" : ", numbered at '" + word + "'");
  }

  private String escaped(int begin, int end) {
    StringBuilder text = new StringBuilder("\"");
    for (int i = begin; i < end; i++) {
      if (i - begin == 60) {
        return text + "…\" (" + (end - begin) + " bytes)";
      }
      text.append(
          data[i] >= ' ' && data[i] < 127
              ? String.valueOf((char) data[i])
              : "\\x%02x".formatted(data[i] & 0xff));
    }
    return text + "\"";
  }
}
