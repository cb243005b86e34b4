package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The adapters that a plan can apply, by slot, and the slot that each sequence of a batch uses.
 * Both may change between steps; initially there are none. {@link dev.vidrio.kernel.op.LowRankOp}
 * reads the table.
 *
 * <p>The memory of an adapter must stay alive while it is in the table and steps run. Not
 * thread-safe.
 */
public final class LowRankTable {
  /** The slot of a sequence without an adapter. */
  public static final int NONE = -1;

  /**
   * The shape of a matrix with an adapted product.
   *
   * @param n outputs
   * @param k inputs
   */
  public record Matrix(int n, int k) {}

  private final List<Matrix> matrices;
  private final int maxRank;
  // The updates of each slot, by matrix.
  private final List<List<@Nullable LowRank>> updates = new ArrayList<>();
  private final int[] slots;
  private final float[] strengths;
  private int version;

  /**
   * Creates an empty table.
   *
   * @param matrices the adapted matrices, to which operations refer by index
   * @param slots capacity in adapters
   * @param sequences number of batch sequences that may use an adapter
   * @param maxRank at most {@link LowRank#MAX_RANK}
   */
  public LowRankTable(List<Matrix> matrices, int slots, int sequences, int maxRank) {
    require(slots > 0, slots + " adapters: must be positive");
    require(sequences > 0, sequences + " sequences: must be positive");
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
   * Stores an adapter in a slot.
   *
   * @param adapter the update of each matrix, or null for none; all in memory of one arena
   * @throws IllegalArgumentException if the number of updates, a shape or a rank does not match
   */
  public void set(int slot, List<@Nullable LowRank> adapter) {
    require(
        adapter.size() == matrices.size(),
        adapter.size() + " updates for " + matrices.size() + " matrices");
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
        update.a().name() + ": shape differs from " + matrix);
    require(
        update.rank() <= maxRank,
        update.a().name() + ": rank " + update.rank() + " exceeds " + maxRank);
  }

  /** Removes the adapter from a slot; sequences that used it then use none. */
  public void clear(int slot) {
    set(slot, Collections.nCopies(matrices.size(), null));
  }

  /** Removes the adapters of all sequences. */
  public void chooseNone() {
    Arrays.fill(slots, NONE);
  }

  /**
   * Sets the adapter of a sequence.
   *
   * @param sequence index of the sequence in the batch
   * @param slot of the adapter, or {@link #NONE}
   * @param strength factor on the update; 0 is equivalent to no adapter
   */
  public void choose(int sequence, int slot, float strength) {
    require(
        slot == NONE || (slot >= 0 && slot < updates.size()),
        "slot " + slot + " is outside 0 to " + (updates.size() - 1));
    require(Float.isFinite(strength), "strength " + strength + " must be finite");
    // x + 0 · update would turn −0 into 0.
    slots[sequence] = strength == 0 ? NONE : slot;
    strengths[sequence] = strength;
  }

  /** Returns the number of matrices. */
  public int matrices() {
    return matrices.size();
  }

  /** Returns the shape of a matrix. */
  public Matrix matrix(int i) {
    return matrices.get(i);
  }

  /** Returns the capacity in adapters. */
  public int slots() {
    return updates.size();
  }

  /** Returns the number of batch sequences that may use an adapter. */
  public int sequences() {
    return slots.length;
  }

  /** Returns the maximum rank. */
  public int maxRank() {
    return maxRank;
  }

  /** Returns the slot of a sequence's adapter, or {@link #NONE}. */
  public int slot(int sequence) {
    return sequence < slots.length ? slots[sequence] : NONE;
  }

  /** Returns the strength of a sequence's adapter. */
  public float strength(int sequence) {
    return strengths[sequence];
  }

  /** Returns the update of a matrix by the adapter in a slot, or null. */
  public @Nullable LowRank update(int slot, int matrix) {
    return updates.get(slot).get(matrix);
  }

  /** Returns the update of a matrix for a sequence, or null. */
  public @Nullable LowRank updateOf(int sequence, int matrix) {
    int slot = slot(sequence);
    return slot == NONE ? null : update(slot, matrix);
  }

  /**
   * Checks that the memory of the adapters is alive.
   *
   * @throws IllegalStateException if it is closed
   */
  public void requireAlive() {
    for (List<@Nullable LowRank> adapter : updates) {
      for (LowRank update : adapter) {
        if (update != null) {
          if (!update.b().scope().isAlive()) {
            throw new IllegalStateException("the adapter of " + update.a().name() + " is closed");
          }
          break; // All updates of an adapter share an arena.
        }
      }
    }
  }

  /** Returns a number that changes whenever the adapters in the slots do. */
  public int version() {
    return version;
  }
}
