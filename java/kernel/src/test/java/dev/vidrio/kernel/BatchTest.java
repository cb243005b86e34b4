package dev.vidrio.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchTest {
  private static final Limits LIMITS = new Limits(4, 2, 2, 130, 10);

  @Test
  void storesTokensAndSequences() {
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(LIMITS, arena);
      batch.clear();
      int first = batch.addSequence(new int[] {7, 5}, 2);
      int second = batch.addSequence(new int[] {3}, 1);
      batch.add(9, 63, first, false);
      batch.add(8, 64, first, true);
      batch.add(1, 0, second, true);

      assertEquals(3, batch.tokenCount());
      assertEquals(3, batch.rows(Rows.TOKENS));
      assertEquals(2, batch.rows(Rows.LOGITS));
      assertEquals(64, batch.maxPosition());
      assertEquals(1, batch.logitRow(0));
      assertEquals(2, batch.logitRow(1));
      assertEquals(7, batch.block(batch.sequence(0), batch.position(0)));
      assertEquals(5, batch.block(batch.sequence(1), batch.position(1)));
      assertEquals(3, batch.block(batch.sequence(2), batch.position(2)));

      batch.extendSequence(second, new int[] {3, 4}, 2);
      assertEquals(4, batch.block(second, 64));

      batch.clear();
      assertEquals(0, batch.tokenCount());
      assertEquals(-1, batch.maxPosition());
    }
  }

  @Test
  void returnsFirstRows() {
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(LIMITS, arena);
      int only = batch.addSequence(new int[] {7}, 1);
      batch.add(9, 0, only, false);
      batch.add(8, 1, only, true);
      batch.add(1, 2, only, true);
      Batch first = batch.first(2);
      assertEquals(2, first.tokenCount());
      assertEquals(1, first.logitCount());
      assertEquals(1, first.sequenceCount());
      assertEquals(1, first.maxPosition());
      assertEquals(8, first.token(1));
      assertEquals(3, batch.first(3).tokenCount());
      assertThrows(IndexOutOfBoundsException.class, () -> batch.first(0));
      assertThrows(IndexOutOfBoundsException.class, () -> batch.first(4));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0, 0, token id -1",
    "10, 0, 0, token id 10",
    "0, -1, 0, position -1",
    "0, 130, 0, position 130",
    "0, 0, 1, sequence 1",
    "0, 0, -1, sequence -1"
  })
  void rejectsArgumentsOutOfRange(int token, int position, int sequence, String message) {
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(LIMITS, arena);
      int only = batch.addSequence(new int[] {0}, 1);
      assertEquals(0, only);
      Exception e =
          assertThrows(
              IndexOutOfBoundsException.class, () -> batch.add(token, position, sequence, false));
      assertTrue(String.valueOf(e.getMessage()).startsWith(message), e.getMessage());
      assertEquals(0, batch.tokenCount());
    }
  }

  @Test
  void rejectsMoreThanItsCapacity() {
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(LIMITS, arena);
      assertThrows(IndexOutOfBoundsException.class, () -> batch.addSequence(new int[4], 4));
      int s = batch.addSequence(new int[] {0}, 1);
      batch.add(0, 0, s, true);
      batch.add(0, 1, s, true);
      assertThrows(IndexOutOfBoundsException.class, () -> batch.add(0, 2, s, true));
      batch.add(0, 2, s, false);
      batch.add(0, 3, s, false);
      assertThrows(IndexOutOfBoundsException.class, () -> batch.add(0, 4, s, false));
      int other = batch.addSequence(new int[] {1}, 1);
      assertEquals(1, other);
      assertThrows(IndexOutOfBoundsException.class, () -> batch.addSequence(new int[] {2}, 1));
    }
  }
}
