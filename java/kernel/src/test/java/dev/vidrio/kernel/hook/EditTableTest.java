package dev.vidrio.kernel.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.hook.EditTable.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class EditTableTest {
  private static final Region REGION = new Region(1, 2, 5, 4, 10);

  private final EditTable table = new EditTable(10, 2, true);

  private static MemorySegment floats(long count) {
    return Arena.ofAuto().allocate(count * Float.BYTES, Float.BYTES);
  }

  private void assertRejected(String message, EditKind edit) {
    Exception e = assertThrows(IllegalArgumentException.class, () -> table.add(REGION, edit));
    assertEquals(message, e.getMessage());
    assertEquals(0, table.entries().size());
  }

  private static void assertInvalidRegion(
      String message, int sequence, int from, int to, int begin) {
    Exception e =
        assertThrows(
            IllegalArgumentException.class, () -> new Region(sequence, from, to, begin, 10));
    assertEquals(message, e.getMessage());
  }

  @Test
  void rejectsInvalidRegions() {
    assertInvalidRegion("sequence -2 must be at least -1", -2, 0, 1, 0);
    assertInvalidRegion("positions 3 to 3: invalid range", 0, 3, 3, 0);
    assertInvalidRegion("positions -1 to 3: invalid range", 0, -1, 3, 0);
    assertInvalidRegion("columns 10 to 10: invalid range", 0, 0, 1, 10);
    assertInvalidRegion("columns -1 to 10: invalid range", 0, 0, 1, -1);
    var beyond = new Region(0, 0, 1, 4, 11);
    Exception e =
        assertThrows(
            IllegalArgumentException.class, () -> table.add(beyond, new EditKind.Scale(2)));
    assertEquals("columns 4 to 11 exceed the width 10", e.getMessage());
    assertTrue(REGION.contains(1, 2) && REGION.contains(1, 4));
    assertFalse(REGION.contains(1, 5) || REGION.contains(1, 1) || REGION.contains(0, 2));
    assertTrue(new Region(Region.ALL, 0, 1, 0, 1).contains(7, 0));
  }

  @Test
  void rejectsValuesOfWrongSize() {
    table.add(REGION, new EditKind.Set(floats(6)));
    table.add(REGION, new EditKind.Add(1, floats(18)));
    assertEquals(0, table.entries().get(0).firstValue(4));
    assertEquals(12, table.entries().get(1).firstValue(4));
    table.clear();
    String rows = "values have 48 bytes, not 1 or 3 rows of 24";
    assertRejected(rows, new EditKind.Set(floats(12)));
    assertRejected(rows, new EditKind.Add(1, floats(12)));
    assertRejected(rows, new EditKind.Subspace(floats(6), floats(12)));
    assertRejected("values have 28 bytes, not 1 or 3 rows of 24", new EditKind.Set(floats(7)));
    assertRejected("values must not be empty", new EditKind.Set(floats(0)));
    assertRejected(
        "values must be off-heap", new EditKind.Set(MemorySegment.ofArray(new float[6])));
    assertRejected("values must be aligned to 4 bytes", new EditKind.Set(floats(7).asSlice(2, 24)));
  }

  @Test
  void rejectsInvalidNumbersAndBases() {
    assertRejected("strength NaN must be finite", new EditKind.Add(Float.NaN, floats(6)));
    assertRejected("factor Infinity must be finite", new EditKind.Scale(Float.POSITIVE_INFINITY));
    assertRejected("bounds 2.0 to 1.0: invalid range", new EditKind.Clamp(2, 1));
    assertRejected("bounds NaN to 1.0: invalid range", new EditKind.Clamp(Float.NaN, 1));
    assertRejected(
        "basis has 28 bytes, not 1 to 6 rows of 24", new EditKind.Subspace(floats(7), null));
    assertRejected(
        "basis has 168 bytes, not 1 to 6 rows of 24", new EditKind.Subspace(floats(42), null));
    var elementwise = new EditTable(10, 1, false);
    var subspace = new EditKind.Subspace(floats(6), null);
    Exception e =
        assertThrows(IllegalArgumentException.class, () -> elementwise.add(REGION, subspace));
    assertEquals("the table does not support subspaces", e.getMessage());
  }

  @Test
  void add_fullTable_throws() {
    table.add(REGION, new EditKind.Scale(2));
    int version = table.version();
    table.add(REGION, new EditKind.Clamp(Float.NEGATIVE_INFINITY, 0));
    assertTrue(version != table.version());
    Exception e =
        assertThrows(IllegalStateException.class, () -> table.add(REGION, new EditKind.Scale(2)));
    assertEquals("the table is full with 2 edits", e.getMessage());
    table.clear();
    table.add(REGION, new EditKind.Scale(2));
  }

  @Test
  void rejectsNonPositiveSizes() {
    assertThrows(IllegalArgumentException.class, () -> new EditTable(0, 1, false));
    assertThrows(IllegalArgumentException.class, () -> new EditTable(1, 0, false));
  }
}
