package dev.vidrio.model;

import dev.vidrio.kernel.LowRank;
import dev.vidrio.kernel.LowRankTable;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The adapters that sequences of a session have, each in a slot of the plan's table from the first
 * sequence that takes it to the last one that gives it back.
 */
final class AdapterSlots implements AutoCloseable {
  private final Model model;
  private final LowRankTable table;
  private final List<String> matrices;
  private final @Nullable Adapter[] adapters;
  private final int[] users;
  private boolean closed;

  AdapterSlots(Model model, AdapterPlan plan) {
    this.model = model;
    this.table = plan.table();
    this.matrices = plan.names();
    this.adapters = new Adapter[table.slots()];
    this.users = new int[table.slots()];
  }

  /** Whether a sequence could take an adapter. */
  boolean hasRoomFor(Adapter adapter) {
    return slotFor(adapter) >= 0;
  }

  /** The slot that the adapter is in, or a free one; −1 where there is none. */
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
   * Takes an adapter for one more sequence, and returns its slot.
   *
   * @throws InvalidInputException when it is for another model, or all slots have others
   * @throws IllegalStateException when it is closed
   */
  int acquire(Adapter adapter) {
    if (adapter.model() != model) {
      throw new InvalidInputException(
          "adapter", adapter.name(), "was opened for " + adapter.model().name());
    }
    int slot = slotFor(adapter);
    if (slot < 0) {
      throw new InvalidInputException(
          "adapter",
          adapter.name(),
          "the session has room for " + adapters.length + ", and sequences have as many others");
    }
    adapter.retain();
    if (adapters[slot] == null) {
      List<@Nullable LowRank> updates = new ArrayList<>();
      matrices.forEach(matrix -> updates.add(adapter.update(matrix)));
      table.set(slot, updates);
      adapters[slot] = adapter;
    }
    users[slot]++;
    return slot;
  }

  /** Gives an adapter back for a sequence. */
  void release(int slot) {
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

  /** Begins a step: no sequence of the batch has an adapter. */
  void begin() {
    table.chooseNone();
  }

  /** Says what a sequence of the batch has. */
  void choose(int index, int slot, float strength) {
    table.choose(index, slot, strength);
  }

  /** Gives all adapters back. */
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
