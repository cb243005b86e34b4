package dev.vidrio.cli.lens.edit;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which elements of an array are meant, as NumPy writes it: {@code [-1, 3]}, {@code [:, 2:5]}.
 *
 * @param parts one for each axis, from the outermost on; axes without one are meant whole
 */
record Index(List<Part> parts) {
  /** Nothing but whole axes. */
  static final Index WHOLE = new Index(List.of());

  private static final Pattern PART = Pattern.compile("(-?\\d{1,9})?(:(-?\\d{1,9})?)?");

  /**
   * What is meant of an axis.
   *
   * @param from the first element; null for the axis's first
   * @param to after the last one; null for the axis's end
   * @param single whether it is one element, not a range
   */
  record Part(@Nullable Integer from, @Nullable Integer to, boolean single) {
    /** Whether the range goes on to the end of the axis. */
    boolean isOpen() {
      return !single && to == null;
    }

    /**
     * The elements of an axis.
     *
     * @param axis what errors call it
     * @param size its elements
     */
    Range of(String axis, int size) {
      int first = fromTheStart(from, 0, size);
      int end = single ? first + 1 : fromTheStart(to, size, size);
      if (first < 0 || end > size || end <= first) {
        throw new InvalidInputException(axis, toString(), "there are " + size + ", from 0 on");
      }
      return new Range(first, end);
    }

    private static int fromTheStart(@Nullable Integer number, int otherwise, int size) {
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
   * Reads what stands between the brackets.
   *
   * @param edit what it is a part of, for errors
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

  /** The part of an axis. */
  Part part(int axis) {
    return axis < parts.size() ? parts.get(axis) : new Part(null, null, false);
  }

  @Override
  public String toString() {
    return parts.toString();
  }
}
