package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A partition of the code points into classes that no given set divides. Computed from the sets'
 * boundaries and the general categories, without enumerating all code points.
 */
final class CharClasses {

  private static final int CATEGORIES = 32;

  private final int[] boundaries;
  private final byte[] table;
  private final byte[] ascii = new byte[0x80];
  private final List<BitSet> members = new ArrayList<>();

  /**
   * Computes the partition.
   *
   * @throws IllegalArgumentException if there are more than 127 classes
   */
  CharClasses(List<CharSet> sets) {
    TreeSet<Integer> all = new TreeSet<>();
    all.add(0);
    sets.forEach(set -> set.addBoundaries(all));
    boundaries = all.stream().mapToInt(Integer::intValue).toArray();
    table = new byte[boundaries.length * CATEGORIES];
    Map<BitSet, Integer> classes = new HashMap<>();
    for (int i = 0; i < table.length; i++) {
      BitSet in = new BitSet();
      for (int s = 0; s < sets.size(); s++) {
        in.set(s, sets.get(s).contains(boundaries[i / CATEGORIES], i % CATEGORIES));
      }
      Integer known = classes.putIfAbsent(in, members.size());
      if (known == null) {
        members.add(in);
      }
      table[i] = (byte) (known == null ? members.size() - 1 : known);
    }
    if (members.size() > Byte.MAX_VALUE) {
      throw new IllegalArgumentException("has more than 127 classes of characters");
    }
    for (int c = 0; c < ascii.length; c++) {
      ascii[c] = (byte) find(c);
    }
  }

  int size() {
    return members.size();
  }

  /** Returns whether a class is part of a set. */
  boolean isIn(int charClass, int set) {
    return members.get(charClass).get(set);
  }

  /** Returns the class of a code point. */
  int of(int codePoint) {
    return codePoint < ascii.length ? ascii[codePoint] : find(codePoint);
  }

  private int find(int codePoint) {
    int found = Arrays.binarySearch(boundaries, codePoint);
    int range = found >= 0 ? found : -found - 2;
    return table[range * CATEGORIES + Character.getType(codePoint)];
  }
}
