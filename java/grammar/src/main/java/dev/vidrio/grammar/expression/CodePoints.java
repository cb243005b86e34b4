package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * A set of Unicode scalar values: code points without surrogates, which UTF-8 cannot encode.
 *
 * <p>Represented by the ascending code points at which membership changes: the first of a range,
 * then the first after it, and so on.
 */
public final class CodePoints {

  /** The first and last value of a range. */
  public record Range(int first, int last) {}

  private static final int END = Character.MAX_CODE_POINT + 1;

  /** The empty set. */
  public static final CodePoints NONE = new CodePoints(new int[0]);

  /** All scalar values. */
  public static final CodePoints ALL =
      new CodePoints(new int[] {0, Character.MIN_SURROGATE, Character.MAX_SURROGATE + 1, END});

  private final int[] changes;

  private CodePoints(int[] changes) {
    this.changes = changes;
  }

  /** Returns the set of one code point. */
  public static CodePoints of(int codePoint) {
    return range(codePoint, codePoint);
  }

  /** Returns the set of the scalar values from {@code first} to {@code last}. */
  public static CodePoints range(int first, int last) {
    if (last < Character.MIN_SURROGATE || first > Character.MAX_SURROGATE) {
      return new CodePoints(new int[] {first, last + 1});
    }
    return new CodePoints(new int[] {first, last + 1}).intersect(ALL);
  }

  /** Returns the set of the characters of a text. */
  public static CodePoints anyOf(String text) {
    return union(text.codePoints().mapToObj(CodePoints::of).toList());
  }

  /** Returns the union of sets. */
  public static CodePoints union(CodePoints... sets) {
    return union(List.of(sets));
  }

  /** Returns the union of sets. */
  public static CodePoints union(List<CodePoints> sets) {
    return select(sets, count -> count > 0);
  }

  /** Returns the scalar values that are not in this set. */
  public CodePoints complement() {
    return ALL.minus(this);
  }

  /** Returns the difference of this set and another. */
  public CodePoints minus(CodePoints other) {
    return select(List.of(this, other, other), count -> count == 1);
  }

  /** Returns the intersection of this set and another. */
  public CodePoints intersect(CodePoints other) {
    return select(List.of(this, other), count -> count == 2);
  }

  /** Returns the code points for which the number of sets that contain them is selected. */
  private static CodePoints select(List<CodePoints> sets, IntPredicate selected) {
    // Code points in the upper bits; in bit 0, whether a set ends there rather than begins.
    int[] events =
        sets.stream()
            .map(set -> set.changes)
            .flatMapToInt(all -> IntStream.range(0, all.length).map(i -> all[i] << 1 | (i & 1)))
            .sorted()
            .toArray();
    int[] changes = new int[events.length];
    int n = 0;
    int count = 0;
    for (int i = 0; i < events.length; i++) {
      count += (events[i] & 1) == 0 ? 1 : -1;
      boolean isLast = i + 1 == events.length || events[i + 1] >> 1 != events[i] >> 1;
      boolean isInside = n % 2 == 1;
      if (isLast && selected.test(count) != isInside) {
        changes[n++] = events[i] >> 1;
      }
    }
    return new CodePoints(Arrays.copyOf(changes, n));
  }

  boolean isEmpty() {
    return changes.length == 0;
  }

  /** Returns whether a code point is in the set. */
  public boolean contains(int codePoint) {
    int found = Arrays.binarySearch(changes, codePoint);
    int before = found >= 0 ? found + 1 : -found - 1;
    return (before & 1) != 0;
  }

  /** Returns the maximal ranges, ascending. */
  public List<Range> ranges() {
    List<Range> ranges = new ArrayList<>(changes.length / 2);
    for (int i = 0; i < changes.length; i += 2) {
      ranges.add(new Range(changes[i], changes[i + 1] - 1));
    }
    return ranges;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof CodePoints other && Arrays.equals(changes, other.changes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(changes);
  }
}
