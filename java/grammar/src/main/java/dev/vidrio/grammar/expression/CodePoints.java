package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
    // Ranges rarely include surrogates; this is the slow path.
    return new CodePoints(new int[] {first, last + 1}).minus(ALL.unrestrictedComplement());
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
    List<Range> ranges = new ArrayList<>();
    sets.forEach(set -> ranges.addAll(set.ranges()));
    ranges.sort((a, b) -> Integer.compare(a.first, b.first));
    int[] changes = new int[2 * ranges.size()];
    int n = 0;
    for (Range range : ranges) {
      if (n > 0 && range.first <= changes[n - 1]) {
        changes[n - 1] = Math.max(changes[n - 1], range.last + 1);
      } else {
        changes[n++] = range.first;
        changes[n++] = range.last + 1;
      }
    }
    return new CodePoints(Arrays.copyOf(changes, n));
  }

  /** Returns the scalar values that are not in this set. */
  public CodePoints complement() {
    return ALL.minus(this);
  }

  /** Returns the difference of this set and another. */
  public CodePoints minus(CodePoints other) {
    return union(unrestrictedComplement(), other).unrestrictedComplement();
  }

  /** Returns the intersection of this set and another. */
  public CodePoints intersect(CodePoints other) {
    return minus(other.complement());
  }

  /** Returns the complement among all code points, including surrogates. */
  private CodePoints unrestrictedComplement() {
    boolean fromZero = changes.length > 0 && changes[0] == 0;
    boolean toEnd = changes.length > 0 && changes[changes.length - 1] == END;
    int from = fromZero ? 1 : 0;
    int to = changes.length - (toEnd ? 1 : 0);
    int[] inverse = new int[(fromZero ? 0 : 1) + to - from + (toEnd ? 0 : 1)];
    System.arraycopy(changes, from, inverse, fromZero ? 0 : 1, to - from);
    if (!toEnd) {
      inverse[inverse.length - 1] = END;
    }
    return new CodePoints(inverse);
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
