package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.vd_low_rank;
import dev.vidrio.bindings.vd_low_rank_choice;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.LowRankTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The native copy of a {@link LowRankTable}. */
final class LowRankEntries {
  private final LowRankTable table;
  private final MemorySegment updates; // [matrices, slots]
  private final MemorySegment slots;
  private final MemorySegment strengths;
  private int version;

  LowRankEntries(LowRankTable table, Arena arena) {
    this.table = table;
    int count = Math.multiplyExact(table.matrices(), table.slots());
    this.updates = vd_low_rank.allocateArray(count, arena);
    this.slots = arena.allocate(JAVA_INT, table.sequences());
    this.strengths = arena.allocate(JAVA_FLOAT, table.sequences());
    this.version = table.version() - 1;
  }

  /** Fills in a vd_low_rank_choice with the updates of a matrix. */
  void choice(int matrix, MemorySegment s) {
    vd_low_rank_choice.updates(s, vd_low_rank.asSlice(updates, (long) matrix * table.slots()));
    vd_low_rank_choice.slots(s, slots);
    vd_low_rank_choice.strengths(s, strengths);
    vd_low_rank_choice.n_slots(s, table.slots());
    vd_low_rank_choice.n_sequences(s, table.sequences());
    vd_low_rank_choice.R(s, table.maxRank());
  }

  /**
   * Copies the slots of sequences, and the adapters if they have changed.
   *
   * @throws IllegalStateException if the memory of an adapter is closed
   */
  void update() {
    table.requireAlive();
    if (version != table.version()) {
      for (int matrix = 0; matrix < table.matrices(); matrix++) {
        for (int slot = 0; slot < table.slots(); slot++) {
          write(matrix, slot);
        }
      }
      version = table.version();
    }
    for (int sequence = 0; sequence < table.sequences(); sequence++) {
      slots.setAtIndex(JAVA_INT, sequence, table.slot(sequence));
      strengths.setAtIndex(JAVA_FLOAT, sequence, table.strength(sequence));
    }
  }

  private void write(int matrix, int slot) {
    MemorySegment s = vd_low_rank.asSlice(updates, (long) matrix * table.slots() + slot);
    LowRank update = table.update(slot, matrix);
    vd_low_rank.A(s, update == null ? MemorySegment.NULL : update.a().data());
    vd_low_rank.B(s, update == null ? MemorySegment.NULL : update.b());
    vd_low_rank.scale(s, update == null ? 0 : update.scale());
    vd_low_rank.r(s, update == null ? 0 : update.rank());
  }
}
