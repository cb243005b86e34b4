package dev.vidrio.kernel.weight;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The adapters of a plan, in slots, and the one that each sequence of a batch uses. Both may change
 * between steps; initially there are none. {@link dev.vidrio.kernel.op.LowRankOp} reads it.
 *
 * <p>The memory of an adapter must stay alive while it is in the table and steps run. Not
 * thread-safe.
 */
public final class LowRankTable {
  /** The slot of a sequence without an adapter. */
  public static final int NONE = -1;

  /**
   * The shape of a matrix whose product is adapted.
   *
   * @param n its outputs
   * @param k its inputs
   */
  public record Matrix(int n, int k) {}

  private final List<Matrix> matrices;
  private final int maxRank;
  // Of each slot what is added to each matrix.
  private final List<List<@Nullable LowRank>> updates = new ArrayList<>();
  private final int[] slots;
  private final float[] strengths;
  private int version;

  /**
   * A table without adapters.
   *
   * @param matrices that operations refer to by their index
   * @param slots adapters that it has room for
   * @param sequences sequences of a batch that may have one
   * @param maxRank at most {@link LowRank#MAX_RANK}
   */
  public LowRankTable(List<Matrix> matrices, int slots, int sequences, int maxRank) {
    require(slots > 0, slots + " adapters are not positive");
    require(sequences > 0, sequences + " sequences are not positive");
    require(
        maxRank > 0 && maxRank <= LowRank.MAX_RANK,
        "rank " + maxRank + " is outside 1 to " + LowRank.MAX_RANK);
    this.matrices = List.copyOf(matrices);
    this.maxRank = maxRank;
    for (int slot = 0; slot < slots; slot++) {
      updates.add(Collections.nCopies(matrices.size(), null));
    }
    this.slots = new int[sequences];
    this.strengths = new float[sequences];
    chooseNone();
  }

  /**
   * Puts an adapter into a slot.
   *
   * @param adapter for each matrix what is added to it, or null; all in memory of one arena
   * @throws IllegalArgumentException when shapes or ranks do not fit
   */
  public void set(int slot, List<@Nullable LowRank> adapter) {
    require(
        adapter.size() == matrices.size(),
        adapter.size() + " updates, but there are " + matrices.size() + " matrices");
    for (int i = 0; i < adapter.size(); i++) {
      LowRank update = adapter.get(i);
      if (update != null) {
        check(update, matrices.get(i));
      }
    }
    updates.set(slot, Collections.unmodifiableList(new ArrayList<>(adapter)));
    version++;
  }

  private void check(LowRank update, Matrix matrix) {
    require(
        update.n() == matrix.n() && update.k() == matrix.k(),
        update.a().name() + ": shape does not fit " + matrix);
    require(
        update.rank() <= maxRank,
        update.a().name() + ": rank " + update.rank() + " exceeds " + maxRank);
  }

  /** Takes the adapter out of a slot; sequences that have it then have none. */
  public void clear(int slot) {
    set(slot, Collections.nCopies(matrices.size(), null));
  }

  /** From now on no sequence has an adapter. */
  public void chooseNone() {
    Arrays.fill(slots, NONE);
  }

  /**
   * From now on a sequence has an adapter.
   *
   * @param sequence its index in the batch
   * @param slot of the adapter, or {@link #NONE}
   * @param strength multiplies what the adapter adds; with 0 it adds nothing
   */
  public void choose(int sequence, int slot, float strength) {
    require(
        slot == NONE || (slot >= 0 && slot < updates.size()),
        "slot " + slot + " is outside 0 to " + (updates.size() - 1));
    require(Float.isFinite(strength), "strength " + strength + " is not finite");
    // x + 0 · values would turn −0 into 0.
    slots[sequence] = strength == 0 ? NONE : slot;
    strengths[sequence] = strength;
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** Number of matrices. */
  public int matrices() {
    return matrices.size();
  }

  /** The shape of a matrix. */
  public Matrix matrix(int i) {
    return matrices.get(i);
  }

  /** Adapters that it has room for. */
  public int slots() {
    return updates.size();
  }

  /** Sequences of a batch that may have an adapter. */
  public int sequences() {
    return slots.length;
  }

  /** The greatest rank. */
  public int maxRank() {
    return maxRank;
  }

  /** The slot of a sequence's adapter, or {@link #NONE}. */
  public int slot(int sequence) {
    return sequence < slots.length ? slots[sequence] : NONE;
  }

  /** The strength of a sequence's adapter. */
  public float strength(int sequence) {
    return strengths[sequence];
  }

  /** What the adapter in a slot adds to a matrix, or null. */
  public @Nullable LowRank update(int slot, int matrix) {
    return updates.get(slot).get(matrix);
  }

  /** What is added to a matrix for a sequence, or null. */
  public @Nullable LowRank updateOf(int sequence, int matrix) {
    int slot = slot(sequence);
    return slot == NONE ? null : update(slot, matrix);
  }

  /**
   * Checks that the memory of the adapters is still there.
   *
   * @throws IllegalStateException when it is not
   */
  public void requireAlive() {
    for (List<@Nullable LowRank> adapter : updates) {
      for (LowRank update : adapter) {
        if (update != null) {
          if (!update.b().scope().isAlive()) {
            throw new IllegalStateException("the adapter of " + update.a().name() + " is closed");
          }
          break; // The others lie in the same memory.
        }
      }
    }
  }

  /** Changes whenever an adapter comes or goes. */
  public int version() {
    return version;
  }
}
