package dev.vidrio.model.adapter;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.LowRankTable.Matrix;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.load.LoadedModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The adapters in use by the sequences of a session. Each occupies a slot of the plan's table from
 * the first sequence that acquires it to the last one that releases it. Not thread-safe.
 */
public final class AdapterSlots implements AutoCloseable {
  private final LoadedModel model;
  private final Map<String, Integer> matrices = new LinkedHashMap<>();
  private final LowRankTable table;
  private final @Nullable Adapter[] adapters;
  private final int[] users;
  private boolean closed;

  private AdapterSlots(LoadedModel model, Plan plan, int adapters, int sequences) {
    List<Matrix> shapes = new ArrayList<>();
    for (Weights weights : LoraInsertion.matrices(plan)) {
      if (matrices.putIfAbsent(weights.name(), shapes.size()) == null) {
        shapes.add(new Matrix(weights.n(), weights.k()));
      }
    }
    this.model = model;
    this.table = new LowRankTable(shapes, adapters, sequences, LowRank.MAX_RANK);
    this.adapters = new Adapter[adapters];
    this.users = new int[adapters];
  }

  /**
   * Allocates slots for the matrices of a plan; returns null if {@code adapters} is 0.
   *
   * @param adapters number of slots
   * @param sequences maximum number of sequences in a batch
   */
  public static @Nullable AdapterSlots of(
      LoadedModel model, Plan plan, int adapters, int sequences) {
    return adapters == 0 ? null : new AdapterSlots(model, plan, adapters, sequences);
  }

  /** Returns the table that plans read. */
  LowRankTable table() {
    return table;
  }

  /** Returns the index of a matrix in the table, or null if the plan has none of this name. */
  @Nullable Integer index(String matrix) {
    return matrices.get(matrix);
  }

  /** Returns whether a sequence can acquire an adapter. */
  public boolean hasRoomFor(Adapter adapter) {
    return slotFor(adapter) >= 0;
  }

  /** Returns the slot of an adapter, or a free one, or −1 if there is none. */
  private int slotFor(Adapter adapter) {
    int free = LowRankTable.NONE;
    for (int slot = adapters.length - 1; slot >= 0; slot--) {
      if (adapters[slot] == adapter) {
        return slot;
      }
      free = adapters[slot] == null ? slot : free;
    }
    return free;
  }

  /**
   * Acquires an adapter for one more sequence and returns its slot.
   *
   * @throws InvalidInputException if the adapter is for another model, or all slots have others
   * @throws IllegalStateException if the adapter is closed
   */
  public int acquire(Adapter adapter) {
    if (adapter.model() != model) {
      throw new InvalidInputException(
          "adapter", adapter.name(), "was opened for " + adapter.model().name());
    }
    int slot = slotFor(adapter);
    if (slot < 0) {
      throw new InvalidInputException(
          "adapter",
          adapter.name(),
          "all adapter slots of the session are in use: " + adapters.length);
    }
    adapter.retain();
    if (adapters[slot] == null) {
      List<@Nullable LowRank> updates = new ArrayList<>();
      matrices.keySet().forEach(matrix -> updates.add(adapter.update(matrix)));
      table.set(slot, updates);
      adapters[slot] = adapter;
    }
    users[slot]++;
    return slot;
  }

  /** Releases a slot for one sequence. */
  public void release(int slot) {
    Adapter adapter = adapters[slot];
    if (closed || adapter == null) {
      return;
    }
    users[slot]--;
    if (users[slot] == 0) {
      table.clear(slot);
      adapters[slot] = null;
    }
    adapter.release();
  }

  /** Sets no adapter for all sequences of the batch. */
  public void chooseNone() {
    table.chooseNone();
  }

  /** Sets the adapter of a sequence of the batch. */
  public void choose(int index, int slot, float strength) {
    table.choose(index, slot, strength);
  }

  /** Releases all adapters. */
  @Override
  public void close() {
    for (int slot = 0; slot < adapters.length; slot++) {
      while (adapters[slot] != null) {
        release(slot);
      }
    }
    closed = true;
  }
}
