package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An index of an array, as in NumPy: {@code [-1, 3]}, {@code [:, 2:5]}.
 *
 * @param parts by axis, from the outermost; missing parts select whole axes
 */
record Index(List<Part> parts) {
  /** The index of all elements. */
  static final Index WHOLE = new Index(List.of());

  private static final Pattern PART = Pattern.compile("(-?\\d{1,9})?(:(-?\\d{1,9})?)?");

  /**
   * An element or a range of an axis.
   *
   * @param from the first element; null for 0
   * @param to the end, exclusive; null for the end of the axis
   * @param single true for one element, false for a range
   */
  record Part(@Nullable Integer from, @Nullable Integer to, boolean single) {
    /** Returns whether the range extends to the end of the axis. */
    boolean isOpen() {
      return !single && to == null;
    }

    /**
     * Returns the elements of an axis.
     *
     * @param axis its name in errors
     * @param size the number of its elements
     */
    Range of(String axis, int size) {
      int first = resolve(from, 0, size);
      int end = single ? first + 1 : resolve(to, size, size);
      if (first < 0 || end > size || end <= first) {
        throw new InvalidInputException(axis, toString(), "must be within 0 to " + (size - 1));
      }
      return new Range(first, end);
    }

    private static int resolve(@Nullable Integer number, int otherwise, int size) {
      int value = number == null ? otherwise : number;
      return value < 0 ? value + size : value;
    }

    @Override
    public String toString() {
      String first = from == null ? "" : from.toString();
      return single ? first : first + ":" + (to == null ? "" : to);
    }
  }

  /** Elements [from, to) of an axis. */
  record Range(int from, int to) {
    int size() {
      return to - from;
    }
  }

  Index {
    parts = List.copyOf(parts);
  }

  /**
   * Parses the text between brackets.
   *
   * @param edit the whole edit, for errors
   */
  static Index parse(String edit, String text) {
    List<Part> parts = new ArrayList<>();
    for (String one : text.split(",", -1)) {
      String part = one.strip();
      Matcher matcher = PART.matcher(part);
      if (part.isEmpty() || !matcher.matches()) {
        throw new InvalidInputException(
            "edit", edit, "[" + text + "] must be numbers or ranges, as [-1, 3] or [:, 2:5]");
      }
      boolean single = matcher.group(2) == null;
      parts.add(new Part(number(matcher.group(1)), number(matcher.group(3)), single));
    }
    return new Index(parts);
  }

  private static @Nullable Integer number(@Nullable String digits) {
    return digits == null ? null : Integer.valueOf(digits);
  }

  /** Returns the part of an axis. */
  Part part(int axis) {
    return axis < parts.size() ? parts.get(axis) : new Part(null, null, false);
  }

  @Override
  public String toString() {
    return parts.toString();
  }
}
